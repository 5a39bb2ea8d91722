// Hashes pieces, one at a time, and keeps them: in memory, or in the browser's own storage.
let [task, file, left] = [];
const kept = [];
let turn = Promise.resolve();

onmessage = ({ data }) => {
  turn = turn.then(() => (task ? keep(data) : begin(data))).catch((error) => postMessage({ error: String(error) }));
};

async function begin(setup) {
  task = setup;
  left = task.bytes;
  if (task.storage !== 'least-opfs') return;
  const folder = await navigator.storage.getDirectory();
  const handle = await folder.getFileHandle('least.bin', { create: true });
  file = await handle.createSyncAccessHandle();
}

async function keep({ index, content }) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-1', content));
  const hash = task.hashes.subarray(index * 20, index * 20 + 20);
  if (digest.some((byte, at) => byte !== hash[at])) throw new Error(`piece ${index} is wrong`);
  if (file) file.write(content, { at: index * task.pieceLength });
  else kept.push(content);
  left -= content.length;
  if (left > 0) return;
  file?.flush();
  postMessage({ bytes: task.bytes });
}
