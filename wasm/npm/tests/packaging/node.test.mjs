// The README's program, and each entry, with the packed package in Node.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { consumer, examples, lend, node } from './consumer.mjs';
import { bytes, digest, swarm } from './swarm.mjs';

const LIMIT = { timeout: 60_000 };
const modules = path.resolve(import.meta.dirname, '../../node_modules');
const [program] = await examples('In Node', 'js');
let folder;
let peers;

before(async () => {
  folder = await consumer('node-seeder', {});
  await lend(folder, 'ws', modules);
  const { Client } = await import(pathToFileURL(path.join(folder, 'node_modules/gannet/dist/node.js')));
  peers = await swarm(Client);
}, LIMIT);

after(() => peers?.close());

/** A program that downloads from a function alone, with a client as given, and prints a digest. */
const fromFunction = (entry, options) => `
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Client } from '${entry}'

const client = new Client(${options})
const torrent = await client.add('${peers.home}/film.torrent')
const film = await (await fetch('${peers.home}/film.mp4')).arrayBuffer()
const begin = (piece) => piece * torrent.pieceLength
await torrent.addSource(async (piece, signal, length) => film.slice(begin(piece), begin(piece) + length))
await torrent.done
const got = Buffer.from(await (await torrent.files[0].blob()).arrayBuffer())
console.log(createHash('sha256').update(got).digest('hex'))
await client.close()
`;

test('the program of the README downloads from a peer behind a relay, and ends', LIMIT, async () => {
  const folder = await consumer('node', { 'get.js': peers.here(program) });
  await lend(folder, 'ws', modules);
  const printed = await node(folder, 'get.js');
  const got = await readFile(path.join(folder, 'downloads/film.mp4'));
  assert.equal(createHash('sha256').update(got).digest('hex'), digest);
  assert.match(printed, new RegExp(`${bytes.length} of ${bytes.length}\\n$`));
});

const wasm = 'import.meta.resolve("gannet/gannet.wasm")';
const entries = [
  ['gannet', ''],
  ['gannet/inline', ''],
  ['gannet/slim', `{ wasm: new URL(${wasm}) }`],
  ['gannet/slim', `{ wasm: await readFile(new URL(${wasm})) }`],
  ['gannet/slim', `{ wasm: await WebAssembly.compile(await readFile(new URL(${wasm}))) }`],
];
for (const [number, [entry, options]] of entries.entries()) {
  test(`without ws, ${entry} downloads from a function: new Client(${options})`, LIMIT, async () => {
    const folder = await consumer(`node-${number}`, { 'get.js': fromFunction(entry, options) });
    assert.equal((await node(folder, 'get.js')).trim(), digest);
  });
}
