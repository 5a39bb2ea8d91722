// Pages in Chromium and the ordinary swarm, through `gannet relay`.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { browser, pictured, serve } from './support/browser.mjs';
import { liar } from './support/liar.mjs';
import { processes } from './support/processes.mjs';
import * as programs from './support/programs.mjs';
import { PIECE_BYTES, download, magnetOf, modules, sha256, shares } from './support/shared.mjs';
import { payload } from './support/torrents.mjs';

const LIMIT = { timeout: 90_000 };
const folder = mkdtempSync(path.join(tmpdir(), 'gannet-swarm-'));
const routes = {};
let chromium, relay, server, share, tracker;

before(async () => {
  [server, chromium, tracker, relay] = await Promise.all([
    serve(modules(folder), routes), browser(), programs.tracker(), programs.relay(),
  ]);
  share = shares(folder, routes, tracker.url);
});

after(async () => {
  programs.endAll();
  await chromium?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function seed(shared, ...flags) {
  const program = programs.gannet(
    'seed', shared.torrent, '-o', shared.parent, '--listen', '127.0.0.1:0', ...flags,
  );
  const addr = await program.line('listening at ');
  return { ...program, addr };
}

/** Does something once a quarter is there; the statistics of that moment. */
async function inTheMiddle(page, act) {
  await page.waitForFunction(() => globalThis.torrent);
  const stats = await page.evaluate(async () => {
    for await (const stats of torrent.progress({ interval: 50 })) {
      if (stats.pieces_have > stats.pieces / 4) return stats;
    }
  });
  act();
  return stats;
}

const withRelay = (more = {}) => ({ relays: [relay.url], storage: 'memory', ...more });

for (const [what, make, storage] of [
  ['a file', 'single', 'memory'], ['a folder', 'multi', 'memory'], ['a file', 'single', 'opfs'],
  ['a folder', 'multi', 'opfs'],
]) {
  test(`a page downloads ${what} from gannet seed into ${storage}, by .torrent`, LIMIT, pictured(async () => {
    const shared = share[make](`gannet ${what} ${storage}`, 30);
    await seed(shared);
    const page = await chromium.page(server.url);
    const got = await download(page, `/${shared.name}.torrent`, withRelay({ storage }));
    assert.deepEqual(got.hashes, shared.hashes);
  }));
}

test('a page downloads from gannet seed by a magnet link alone', LIMIT, pictured(async () => {
  const shared = share.multi('by magnet', 40);
  await seed(shared);
  const magnet = await magnetOf(shared);
  await programs.announced(tracker.url, magnet);
  const page = await chromium.page(server.url);
  const got = await download(page, magnet, withRelay());
  assert.deepEqual(got.hashes, shared.hashes);
}));

test('a page downloads from libtorrent, by .torrent and by magnet link', LIMIT, pictured(async () => {
  const shared = share.multi('from libtorrent', 50);
  const program = programs.libtorrent('seed', shared.torrent, shared.parent);
  const peers = [`127.0.0.1:${await program.line('listening ')}`];
  const page = await chromium.page(server.url);
  for (const input of [`/${shared.name}.torrent`, (await magnetOf(shared)).replace(/&tr=[^&]*/g, '')]) {
    const got = await download(page, input, withRelay({ peers }));
    assert.deepEqual(got.hashes, shared.hashes, input);
    await page.evaluate(() => client.close());
  }
}));

test('a page seeds to gannet get, which finds it through the tracker', LIMIT, pictured(async () => {
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
}));

test('two pages exchange pieces, the second with only a link', LIMIT, pictured(async () => {
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
  const [from] = got.stats.peers.filter((peer) => peer.pieces_good > 0);
  assert.equal(from.pieces_good, got.stats.pieces, 'all of it from the first page');
}));

test('a reload in the middle goes on from what was stored', LIMIT, pictured(async () => {
  const shared = share.single('reloaded', 80, 12_000_000);
  await seed(shared, '--max-upload', '1MB');
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
  const missing = (got.stats.pieces - got.stats.pieces_at_start) * PIECE_BYTES;
  assert.ok(got.stats.downloaded_bytes <= missing, `${got.stats.downloaded_bytes} of ${missing}`);
}));

test('a relay that is killed in the middle is replaced by the next', LIMIT, pictured(async () => {
  const shared = share.single('failing over', 90, 12_000_000);
  const key = path.join(folder, 'key');
  const doomed = await programs.relay('--key', key);
  const spare = await programs.relay('--key', key);
  await seed(shared, '--max-upload', '2MB');
  const page = await chromium.page(server.url);
  const downloading = download(page, `/${shared.name}.torrent`, {
    relays: [doomed.url, spare.url], storage: 'memory',
  });
  const before = await inTheMiddle(page, doomed.kill);
  const got = await downloading;
  assert.deepEqual(got.hashes, shared.hashes);
  assert.ok(before.pieces_have > 0 && before.pieces_have < before.pieces, `${before.pieces_have}`);
  assert.ok(got.stats.downloaded_bytes < 12_000_000 * 1.2, 'what was there was kept');
}));

test('a page that stood still, and lost all it was connected to, goes on', LIMIT, pictured(async () => {
  const shared = share.single('stood still', 92, 12_000_000);
  const impatient = await programs.relay('--idle', '2s');
  await seed(shared, '--max-upload', '2MB');
  const page = await chromium.page(server.url);
  const downloading = download(page, `/${shared.name}.torrent`, {
    relays: [impatient.url], storage: 'opfs',
  });
  const frozen = [];
  const before = await inTheMiddle(page, () => {
    frozen.push(...processes(chromium.profile, 'renderer'));
    frozen.forEach((pid) => process.kill(pid, 'SIGSTOP'));
  });
  await sleep(10_000);
  frozen.forEach((pid) => process.kill(pid, 'SIGCONT'));
  const got = await downloading;
  assert.deepEqual(got.hashes, shared.hashes);
  assert.ok(before.pieces_have < before.pieces, 'it was through already');
  assert.ok(got.stats.downloaded_bytes < 12_000_000 * 1.2, 'what was there was kept');
}));

test('what a liar sends is never kept, and the liar is banned', LIMIT, pictured(async () => {
  const length = 6_000_000;
  const shared = share.single('lied about', 95, length);
  // Slow enough for the liar to be asked, too.
  const honest = await seed(shared, '--max-upload', '2MB');
  const infoHash = (await magnetOf(shared)).match(/btih:([0-9a-f]{40})/)[1];
  const lying = await liar(infoHash, Math.ceil(length / PIECE_BYTES));
  try {
    const page = await chromium.page(server.url);
    const peers = [lying.addr, honest.addr];
    const got = await download(page, `/${shared.name}.torrent`, withRelay({ peers }));
    assert.deepEqual(got.hashes, shared.hashes);
    assert.ok(lying.lies() > 0, 'it was never asked');
    const row = got.stats.peers.find(({ name }) => name === lying.addr);
    assert.equal(row.pieces_good, 0);
    assert.ok(row.pieces_failed > 0 && row.banned && !row.connected, JSON.stringify(row));
  } finally {
    lying.close();
  }
}));
