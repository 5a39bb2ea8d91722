// A download far larger than the memory that it may take.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { serve, unattended } from './support/browser.mjs';
import { watchMemory } from './support/processes.mjs';
import * as programs from './support/programs.mjs';
import { modules } from './support/shared.mjs';
import { torrentOf } from './support/torrents.mjs';

const MEBIBYTE = 1024 * 1024;
const LENGTH = 5 * 1024 * MEBIBYTE;
const PIECE_LENGTH = 4 * MEBIBYTE;
const MAX_HEAP_MEBIBYTES = 64;
/** About 105 of these are Chromium's own code, which it shares with its other processes. */
const MAX_RENDERER_MEBIBYTES = 300;

const folder = mkdtempSync(path.join(tmpdir(), 'gannet-large-'));
const routes = {};
let chromium, relay, server;

before(async () => {
  [server, relay] = await Promise.all([serve(modules(folder), routes), programs.relay()]);
});

after(async () => {
  programs.endAll();
  await chromium?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A seeder of zeros: a file that is all hole takes no room, and one piece's hash is every piece's. */
async function seedZeros() {
  const zeros = createHash('sha1').update(Buffer.alloc(PIECE_LENGTH)).digest();
  const pieces = Buffer.concat(Array(LENGTH / PIECE_LENGTH).fill(zeros));
  const { content } = torrentOf({ name: 'zeros', length: LENGTH, 'piece length': PIECE_LENGTH, pieces });
  const parent = path.join(folder, 'shared');
  mkdirSync(parent);
  writeFileSync(path.join(parent, 'zeros'), '');
  truncateSync(path.join(parent, 'zeros'), LENGTH);
  writeFileSync(path.join(folder, 'zeros.torrent'), content);
  routes['/zeros.torrent'] = content;
  const seeder = programs.gannet(
    'seed', path.join(folder, 'zeros.torrent'), '-o', parent, '--listen', '127.0.0.1:0',
  );
  return seeder.line('listening at ');
}

/** A page that downloads by itself, and what it says at the end. */
function visit(peer) {
  routes['/large.html'] = `<!doctype html><script type="module">
    import { Client } from '/index.js';
    const tell = (what) => fetch('/told', { method: 'POST', body: JSON.stringify(what) });
    try {
      const client = new Client({ relays: ['${relay.url}'], storage: 'opfs' });
      const torrent = await client.add(new URL('/zeros.torrent', location.href), { peers: ['${peer}'] });
      const begun = performance.now();
      await torrent.done;
      const seconds = (performance.now() - begun) / 1000;
      const blob = await torrent.files[0].blob();
      const end = [...new Set(new Uint8Array(await blob.slice(-4096).arrayBuffer()))];
      const [stats, heap] = [await torrent.stats(), await client.heapBytes()];
      await tell({ seconds, length: blob.size, end, pieces: stats.pieces_have, heap });
    } catch (error) {
      await tell({ error: String(error) });
    }
  </script>`;
  return new Promise((resolve) => {
    routes['/told'] = async (request, response) => {
      const text = await new Response(request).text();
      response.end();
      resolve(JSON.parse(text));
    };
  });
}

test('5 GiB come with a heap of 64 MiB and a renderer of 300 MiB at most', { timeout: 400_000 }, async () => {
  const told = visit(await seedZeros());
  chromium = await unattended(`${server.url}large.html`);
  const memory = watchMemory(chromium.profile, 'renderer');
  const got = await told;
  const [heap, renderer] = [got.heap / MEBIBYTE, memory.stop()];
  assert.equal(got.error, undefined);
  console.log(`5 GiB in ${got.seconds.toFixed(1)} s: heap ${heap} MiB, renderer ${renderer.toFixed(0)} MiB`);
  assert.equal(got.length, LENGTH);
  assert.deepEqual(got.end, [0]);
  assert.equal(got.pieces, LENGTH / PIECE_LENGTH);
  assert.ok(heap <= MAX_HEAP_MEBIBYTES, `a heap of ${heap} MiB`);
  assert.ok(renderer <= MAX_RENDERER_MEBIBYTES, `a renderer of ${renderer} MiB`);
});
