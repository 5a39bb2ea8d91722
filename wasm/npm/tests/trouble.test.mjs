// What browsers do to a page that downloads: storage refused or full, a crash. No relay.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { browser, pictured, privateBrowser, serve } from './support/browser.mjs';
import { sha256 } from './support/shared.mjs';
import { payload, torrent } from './support/torrents.mjs';

const LIMIT = { timeout: 90_000 };
const dist = fileURLToPath(new URL('../dist', import.meta.url));
const bytes = payload(6 * 1024 * 1024 + 4321);
const made = torrent(bytes, { pieceLength: 64 * 1024, name: 'film.bin' });
/** The worker in a browser that refuses its storage, as some do in private windows. */
const REFUSES = `
  navigator.storage.getDirectory = () => Promise.reject(new DOMException('no', 'SecurityError'));
`;
let chromium, server;

before(async () => {
  const worker = readFileSync(path.join(dist, 'worker.js'), 'utf8');
  server = await serve(dist, {
    '/film.torrent': made.content,
    '/film.bin': bytes,
    '/refused/index.js': readFileSync(path.join(dist, 'index.js')),
    '/refused/worker.js': REFUSES + worker,
    '/refused/gannet.wasm': readFileSync(path.join(dist, 'gannet.wasm')),
  });
  chromium = await browser();
});

after(async () => {
  await chromium?.close();
  await server?.close();
});

/** Begins to download in the page, from a function that waits before each piece. */
async function begin(page, { storage = 'opfs', waitMillis = 0, sequential = false, from = '/index.js' } = {}) {
  await page.evaluate(async ([storage, waitMillis, sequential, from, pieceLength]) => {
    const { Client } = await import(from);
    globalThis.client = new Client({ storage });
    const all = await (await fetch('/film.bin')).arrayBuffer();
    const source = async (piece) => {
      await new Promise((resolve) => setTimeout(resolve, waitMillis));
      return all.slice(piece * pieceLength, (piece + 1) * pieceLength);
    };
    const input = new URL('/film.torrent', location.href);
    globalThis.torrent = await client.add(input, { sources: [source], sequential });
    // Asked for at once: who asks after a failure waits for the end.
    globalThis.failure = torrent.done.catch(({ name, message }) => ({ name, message }));
  }, [storage, waitMillis, sequential, from, made.pieceLength]);
}

const have = (page) => page.evaluate(async () => (await torrent.stats()).pieces_have);

/** Waits for a moment of the download; its statistics. */
const until = (page, field, least) => page.evaluate(async ([field, least]) => {
  for await (const stats of torrent.progress({ interval: 50 })) if (stats[field] >= least) return stats;
}, [field, least]);

/** Waits for the end, checks what is stored, and removes it. */
async function arrives(page) {
  const got = await page.evaluate(async () => {
    await torrent.done;
    const whole = await (await torrent.files[0].blob()).arrayBuffer();
    return [...new Uint8Array(await crypto.subtle.digest('SHA-256', whole))];
  });
  assert.equal(Buffer.from(got).toString('hex'), sha256(bytes));
  await page.evaluate(async () => {
    await torrent.remove({ data: true });
    await client.close();
  });
}

test('a full quota is an error of its own name, and the download goes on when there is room', LIMIT, pictured(async () => {
  const page = await chromium.page(server.url);
  const session = await page.context().newCDPSession(page);
  const origin = new URL(server.url).origin;
  await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 2_500_000 });
  // What lies behind a hole counts as large as what is before it: from the beginning, then.
  await begin(page, { sequential: true });
  const error = await page.evaluate(() => failure);
  assert.equal(error?.name, 'QuotaError', JSON.stringify(error));
  assert.match(error.message, /film\.bin/);
  const kept = await have(page);
  assert.ok(kept > 0 && kept < made.count, `${kept} pieces`);
  await session.send('Storage.overrideQuotaForOrigin', { origin });
  await arrives(page);
}));

test('where the browser refuses its storage the error says what to use instead', LIMIT, pictured(async () => {
  const page = await chromium.page(server.url);
  const error = await begin(page, { from: '/refused/index.js' }).catch(({ message }) => message);
  assert.match(error, /refuses its own storage.*use storage: 'memory'/);
  await begin(page, { from: '/refused/index.js', storage: 'memory' });
  await page.evaluate(() => torrent.done);
}));

test('a private window stores like any other', LIMIT, pictured(async () => {
  const discreet = await privateBrowser();
  try {
    const page = await discreet.page(server.url);
    await begin(page);
    await arrives(page);
  } finally {
    await discreet.close();
  }
}));

test('a page holds a lock while it downloads, so that its browser does not freeze it', LIMIT, pictured(async () => {
  const page = await chromium.page(server.url);
  const locks = () => page.evaluate(async () =>
    (await navigator.locks.query()).held.filter(({ name }) => name.startsWith('gannet')).length);
  await begin(page, { waitMillis: 20 });
  assert.equal(await locks(), 1);
  await arrives(page);
  assert.equal(await locks(), 0);
}));

test('after a crash the next page opens the same storage and goes on', LIMIT, pictured(async () => {
  const doomed = await chromium.page(server.url);
  await begin(doomed, { waitMillis: 500 });
  // The record is written every few seconds.
  const before = await until(doomed, 'elapsed_seconds', 8);
  const crashed = doomed.waitForEvent('crash');
  await doomed.goto('chrome://crash').catch(() => {});
  await crashed;
  const page = await chromium.page(server.url);
  await begin(page);
  const stats = await page.evaluate(async () => (await torrent.done, torrent.stats()));
  assert.ok(before.pieces_have < made.count, 'it was through already');
  assert.ok(stats.pieces_at_start >= 5, `${stats.pieces_at_start} of ${before.pieces_have}`);
  await arrives(page);
}));
