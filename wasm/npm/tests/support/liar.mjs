// A peer of BitTorrent (BEP 3) that lies.
import { createServer } from 'node:net';

/** A peer that says it has everything, and answers each request with rubbish. */
export async function liar(infoHash, pieces) {
  const bitfield = Buffer.alloc(Math.ceil(pieces / 8), 0xff);
  if (pieces % 8) bitfield[bitfield.length - 1] = (0xff << (8 - (pieces % 8))) & 0xff;
  const message = (id, body) => {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(body.length + 1);
    head[4] = id;
    return Buffer.concat([head, body]);
  };
  const sockets = new Set();
  let lies = 0;
  const peer = createServer((socket) => {
    let pending = Buffer.alloc(0);
    let greeted = false;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      pending = Buffer.concat([pending, data]);
      if (!greeted && pending.length >= 68) {
        greeted = true;
        pending = pending.subarray(68);
        socket.write(Buffer.concat([
          Buffer.from('\x13BitTorrent protocol\0\0\0\0\0\0\0\0', 'latin1'),
          Buffer.from(infoHash, 'hex'), Buffer.from('-LI0001-123456789012'),
          message(5, bitfield), message(1, Buffer.alloc(0)),
        ]));
      }
      while (greeted && pending.length >= 4 && pending.length >= 4 + pending.readUInt32BE()) {
        const length = pending.readUInt32BE();
        const body = pending.subarray(4, 4 + length);
        pending = pending.subarray(4 + length);
        if (body[0] !== 6) continue;
        lies++;
        socket.write(message(7, Buffer.concat([body.subarray(1, 9), Buffer.alloc(body.readUInt32BE(9), 1)])));
      }
    });
  });
  await new Promise((resolve) => peer.listen(0, '127.0.0.1', resolve));
  return {
    addr: `127.0.0.1:${peer.address().port}`,
    /** Blocks that it was asked for. */
    lies: () => lies,
    close() {
      for (const socket of sockets) socket.destroy();
      peer.close();
    },
  };
}
