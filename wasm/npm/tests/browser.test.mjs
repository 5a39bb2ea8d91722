// The package as built, in Chromium: storages, reload, the caller's functions. No relay.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { browser, serve } from './support/browser.mjs';
import { payload, torrent } from './support/torrents.mjs';

const LIMIT = { timeout: 60_000 };
const dist = fileURLToPath(new URL('../dist', import.meta.url));
const bytes = payload(24 * 1024 * 1024 + 4321);
const made = torrent(bytes, { pieceLength: 256 * 1024, name: 'film.bin' });
const digest = createHash('sha256').update(bytes).digest('hex');
let chromium;
let server;

before(async () => {
  server = await serve(dist, { '/film.torrent': made.content, '/film.bin': bytes });
  chromium = await browser();
});

after(async () => {
  await chromium?.close();
  await server?.close();
});

/** Downloads in the page from a function that fetches; what is told of it. */
async function download(page, { storage, pieceLength, stopAt = Infinity, entry = 'index.js' }) {
  return page.evaluate(async ({ storage, pieceLength, stopAt, entry }) => {
    const { Client } = await import(`/${entry}`);
    const client = new Client({ storage });
    globalThis.client = client;
    const all = await (await fetch('/film.bin')).arrayBuffer();
    let served = 0;
    const source = async (piece) => {
      if (served++ >= stopAt) return new Promise(() => {});
      return all.slice(piece * pieceLength, (piece + 1) * pieceLength);
    };
    const begun = performance.now();
    const torrent = await client.add(new URL('/film.torrent', location.href), { sources: [source] });
    if (stopAt < Infinity) {
      for await (const stats of torrent.progress({ interval: 100 })) {
        // The record is written every few seconds: what it doesn't know yet is fetched again.
        if (stats.elapsed_seconds > 8) return stats;
      }
    }
    await torrent.done;
    const millis = performance.now() - begun;
    const blob = await torrent.files[0].blob();
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()));
    const stats = await torrent.stats();
    return { ...stats, millis, hash: [...hash].map((n) => n.toString(16).padStart(2, '0')).join('') };
  }, { storage, pieceLength, stopAt, entry });
}

for (const storage of ['memory', 'opfs']) {
  test(`a page downloads into ${storage}`, LIMIT, async () => {
    const page = await chromium.page(server.url);
    const got = await download(page, { storage, pieceLength: made.pieceLength });
    assert.equal(got.hash, digest);
    console.log(`${storage}: ${(bytes.length / 1e3 / got.millis).toFixed(1)} MB/s`);
    await page.evaluate(async () => {
      await client.close();
      const root = await navigator.storage.getDirectory();
      await root.removeEntry('gannet', { recursive: true }).catch(() => {});
    });
    await page.close();
  });
}

test('a page over plain HTTP, without SubtleCrypto, downloads too', LIMIT, async () => {
  const page = await chromium.page(server.url.replace('127.0.0.1', 'plain.test'));
  const got = await page.evaluate(async (pieceLength) => {
    const { Client } = await import('/index.js');
    const client = new Client();
    const all = await (await fetch('/film.bin')).arrayBuffer();
    const source = async (piece) => all.slice(piece * pieceLength, (piece + 1) * pieceLength);
    const torrent = await client.add(new URL('/film.torrent', location.href), { sources: [source] });
    await torrent.done;
    const bytes = new Uint8Array(await (await torrent.files[0].blob()).arrayBuffer());
    await client.close();
    const right = new Uint8Array(all);
    const same = bytes.every((byte, at) => byte === right[at]);
    return { isSecureContext, same, length: bytes.length };
  }, made.pieceLength);
  assert.deepEqual(got, { isSecureContext: false, same: true, length: bytes.length });
  await page.close();
});

test('a reload in the middle resumes what was stored', LIMIT, async () => {
  const page = await chromium.page(server.url);
  const before = await download(page, { storage: 'opfs', pieceLength: made.pieceLength, stopAt: 40 });
  assert.ok(before.pieces_have >= 39 && before.state === 'downloading', `${before.pieces_have}`);
  await page.reload();
  const got = await download(page, { storage: 'opfs', pieceLength: made.pieceLength });
  assert.equal(got.hash, digest);
  assert.ok(got.pieces_at_start >= 39, `${got.pieces_at_start} of ${before.pieces_have}`);
  await page.close();
});

for (const entry of ['inline.js']) {
  test(`the entry ${entry} needs nothing else`, LIMIT, async () => {
    const page = await chromium.page(server.url);
    const got = await download(page, { storage: 'memory', pieceLength: made.pieceLength, entry });
    assert.equal(got.hash, digest);
    await page.close();
  });
}
