// Pages in Chromium and the ordinary swarm, through `gannet relay`.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { browser, serve } from './support/browser.mjs';
import * as programs from './support/programs.mjs';
import { payload } from './support/torrents.mjs';

const LIMIT = { timeout: 90_000 };
const PIECE_BYTES = 64 * 1024;
const dist = fileURLToPath(new URL('../dist', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'gannet-swarm-'));
const routes = {};
let chromium, server, tracker, relay;

before(async () => {
  [server, chromium, tracker, relay] = await Promise.all([
    serve(dist, routes), browser(), programs.tracker(), programs.relay(),
  ]);
});

after(async () => {
  await chromium?.close();
  await server?.close();
  programs.endAll();
  rmSync(folder, { recursive: true, force: true });
});

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** A payload on the disk and its .torrent, which the page can fetch as `/NAME.torrent`. */
function share(name, files, announce = tracker.url) {
  const parent = path.join(folder, `shared ${name}`);
  for (const [file, bytes] of Object.entries(files)) {
    const place = path.join(parent, file);
    mkdirSync(path.dirname(place), { recursive: true });
    writeFileSync(place, bytes);
  }
  const torrent = path.join(folder, `${name}.torrent`);
  programs.create(path.join(parent, name), torrent, '--tracker', announce, '--piece-length', `${PIECE_BYTES}`);
  routes[`/${name}.torrent`] = readFileSync(torrent);
  const hashes = Object.values(files).map(sha256).sort();
  return { name, parent, torrent, hashes };
}

const single = (name, seed, length = 3_000_001) => share(name, { [name]: payload(length, seed) });
const multi = (name, seed) => share(name, {
  [`${name}/a.bin`]: payload(700_000, seed),
  [`${name}/sub/b.bin`]: payload(1_300_001, seed + 1),
  [`${name}/sub/tiny`]: payload(5, seed + 2),
});

async function seed(shared) {
  const program = programs.gannet('seed', shared.torrent, '-o', shared.parent, '--listen', '127.0.0.1:0');
  const addr = await program.line('listening at ');
  return { ...program, addr };
}

async function magnetOf(shared) {
  const program = programs.gannet('info', '--json', shared.torrent);
  const line = await program.line('  "magnet": ');
  return JSON.parse(line.replace(/,$/, ''));
}

/** Downloads in a page; the files' hashes, sorted, and the statistics. */
function download(page, input, options) {
  return page.evaluate(async ([input, options]) => {
    const { Client } = await import('/index.js');
    const { relays, storage, ...more } = options;
    const client = new Client({ relays, storage });
    globalThis.client = client;
    const source = input.startsWith('magnet:') ? input : new URL(input, location.href);
    const torrent = await client.add(source, more);
    await torrent.done;
    const hashes = [];
    for (const file of torrent.files) {
      const bytes = await (await file.blob()).arrayBuffer();
      const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
      hashes.push([...hash].map((n) => n.toString(16).padStart(2, '0')).join(''));
    }
    return { hashes: hashes.sort(), stats: await torrent.stats() };
  }, [input, options]);
}

const withRelay = (more = {}) => ({ relays: [relay.url], storage: 'memory', ...more });

for (const [what, make, storage] of [
  ['a file', single, 'memory'], ['a folder', multi, 'memory'], ['a file', single, 'opfs'],
  ['a folder', multi, 'opfs'],
]) {
  test(`a page downloads ${what} from gannet seed into ${storage}, by .torrent`, LIMIT, async () => {
    const shared = make(`gannet ${what} ${storage}`, 30);
    await seed(shared);
    const page = await chromium.page(server.url);
    const got = await download(page, `/${shared.name}.torrent`, withRelay({ storage }));
    assert.deepEqual(got.hashes, shared.hashes);
    await page.close();
  });
}

test('a page downloads from gannet seed by a magnet link alone', LIMIT, async () => {
  const shared = multi('by magnet', 40);
  await seed(shared);
  await programs.seeders(tracker.addr, 1);
  const page = await chromium.page(server.url);
  const got = await download(page, await magnetOf(shared), withRelay());
  assert.deepEqual(got.hashes, shared.hashes);
  await page.close();
});

test('a page downloads from libtorrent, by .torrent and by magnet link', LIMIT, async () => {
  const shared = multi('from libtorrent', 50);
  const program = programs.libtorrent('seed', shared.torrent, shared.parent);
  const peers = [`127.0.0.1:${await program.line('listening ')}`];
  const page = await chromium.page(server.url);
  for (const input of [`/${shared.name}.torrent`, (await magnetOf(shared)).replace(/&tr=[^&]*/g, '')]) {
    const got = await download(page, input, withRelay({ peers }));
    assert.deepEqual(got.hashes, shared.hashes, input);
    await page.evaluate(() => client.close());
  }
  await page.close();
});

test('a page seeds to gannet get, which finds it through the tracker', LIMIT, async () => {
  const bytes = payload(2_500_000, 60);
  routes['/given'] = bytes;
  const page = await chromium.page(server.url);
  const magnet = await page.evaluate(async ([relays, trackers]) => {
    const { Client } = await import('/index.js');
    globalThis.client = new Client({ relays });
    const blob = await (await fetch('/given')).blob();
    const torrent = await client.seed(new File([blob], 'given'), { trackers });
    return torrent.magnet;
  }, [[relay.url], [tracker.url]]);
  const url = new URL(magnet);
  if (!url.searchParams.has('tr')) url.searchParams.append('tr', tracker.url);
  const into = path.join(folder, 'got from a page');
  for (let tries = 0; ; tries++) {
    const get = programs.gannet('get', url.href, '-o', into, '--timeout', '10s', '--listen', '127.0.0.1:0');
    if (await get.ended === 0) break;
    assert.ok(tries < 5, 'it never came');
  }
  assert.equal(sha256(readFileSync(path.join(into, 'given'))), sha256(bytes));
  await page.close();
});

test('two pages exchange pieces, the second with only a link', LIMIT, async () => {
  const bytes = payload(4_000_000, 70);
  routes['/exchanged'] = bytes;
  const [first, second] = [await chromium.page(server.url), await chromium.page(server.url)];
  const magnet = await first.evaluate(async (relays) => {
    const { Client } = await import('/index.js');
    globalThis.client = new Client({ relays });
    const blob = await (await fetch('/exchanged')).blob();
    return (await client.seed(new File([blob], 'exchanged'))).magnet;
  }, [relay.url]);
  const got = await download(second, magnet, withRelay());
  assert.deepEqual(got.hashes, [sha256(bytes)]);
  await first.close();
  await second.close();
});

test('a reload in the middle goes on from what was stored', LIMIT, async () => {
  const shared = single('reloaded', 80, 12_000_000);
  const program = programs.gannet(
    'seed', shared.torrent, '-o', shared.parent, '--listen', '127.0.0.1:0', '--max-upload', '1MB',
  );
  await program.line('listening at ');
  const page = await chromium.page(server.url);
  const options = withRelay({ storage: 'opfs' });
  await page.evaluate(async ([name, { relays, storage }]) => {
    const { Client } = await import('/index.js');
    globalThis.client = new Client({ relays, storage });
    const torrent = await client.add(new URL(`/${name}.torrent`, location.href));
    for await (const stats of torrent.progress({ interval: 100 })) {
      // What was stored is recorded within five seconds.
      if (stats.elapsed_seconds > 8) return;
    }
  }, [shared.name, options]);
  await page.reload();
  const got = await download(page, `/${shared.name}.torrent`, options);
  assert.deepEqual(got.hashes, shared.hashes);
  assert.ok(got.stats.pieces_at_start > 10, `${got.stats.pieces_at_start}`);
  assert.ok(got.stats.downloaded_bytes < 12_000_000 - 10 * PIECE_BYTES);
  await page.close();
});

test('a relay that is killed in the middle is replaced by the next', LIMIT, async () => {
  const shared = single('failing over', 90, 12_000_000);
  const key = path.join(folder, 'key');
  const doomed = await programs.relay('--key', key);
  const spare = await programs.relay('--key', key);
  const program = programs.gannet(
    'seed', shared.torrent, '-o', shared.parent, '--listen', '127.0.0.1:0', '--max-upload', '2MB',
  );
  await program.line('listening at ');
  const page = await chromium.page(server.url);
  const downloading = download(page, `/${shared.name}.torrent`, {
    relays: [doomed.url, spare.url], storage: 'memory',
  });
  setTimeout(doomed.kill, 2500);
  const got = await downloading;
  assert.deepEqual(got.hashes, shared.hashes);
  assert.ok(got.stats.downloaded_bytes < 12_000_000 * 1.2, 'what was there was kept');
  await page.close();
});

/** A peer that has everything, and answers each request with rubbish. */
async function liar(infoHash, pieces) {
  const bitfield = Buffer.alloc(Math.ceil(pieces / 8), 0xff);
  if (pieces % 8) bitfield[bitfield.length - 1] = (0xff << (8 - (pieces % 8))) & 0xff;
  const message = (id, body) => {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(body.length + 1);
    head[4] = id;
    return Buffer.concat([head, body]);
  };
  const peer = createServer((socket) => {
    let pending = Buffer.alloc(0);
    let greeted = false;
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
        socket.write(message(7, Buffer.concat([body.subarray(1, 9), Buffer.alloc(body.readUInt32BE(9), 1)])));
      }
    });
  });
  await new Promise((resolve) => peer.listen(0, '127.0.0.1', resolve));
  return peer;
}

test('what a liar sends is never kept, and the liar is banned', LIMIT, async () => {
  const shared = single('lied about', 95, 6_000_000);
  const { addr } = await seed(shared);
  const infoHash = (await magnetOf(shared)).match(/btih:([0-9a-f]{40})/)[1];
  const peer = await liar(infoHash, Math.ceil(6_000_000 / PIECE_BYTES));
  const peers = [`127.0.0.1:${peer.address().port}`, addr];
  const page = await chromium.page(server.url);
  const got = await download(page, `/${shared.name}.torrent`, withRelay({ peers }));
  assert.deepEqual(got.hashes, shared.hashes);
  const lying = got.stats.peers.find((row) => row.name === peers[0]);
  assert.ok(!lying || lying.pieces_good === 0, JSON.stringify(lying));
  assert.ok(!lying?.pieces_failed || lying.banned, JSON.stringify(lying));
  await page.close();
  peer.close();
});
