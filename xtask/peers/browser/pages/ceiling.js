onmessage = ({ data: { url, bytes } }) => {
  const socket = new WebSocket(url);
  socket.binaryType = 'arraybuffer';
  let received = 0;
  let began;
  const tell = () => postMessage({ seconds: (performance.now() - began) / 1000, bytes: received });
  socket.onmessage = ({ data }) => {
    began ??= performance.now();
    received += data.byteLength;
    if (received < bytes) return;
    tell();
    socket.close();
  };
  socket.onclose = () => received < bytes && postMessage({ error: `closed after ${received} bytes` });
};
