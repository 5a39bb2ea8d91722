// What the surroundings do to a page: each has a sentence of its own, and a way on.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { browser, pictured } from '../../wasm/npm/tests/support/browser.mjs';
import { host } from './support/page.mjs';
import { payload, sha256, swarm } from './support/swarm.mjs';
import { button, cardOf, complete, decide, dialog, drop, remove, saved, visit } from './support/visit.mjs';

const { WebSocketServer } = createRequire(new URL('../../wasm/npm/package.json', import.meta.url))('ws');
const LIMIT = { timeout: 90_000 };
const bytes = payload(6_000_000, 81);
let net;
let chromium;
let server;
let shared;

before(async () => {
  net = await swarm();
  shared = await net.share('auk.bin', { 'auk.bin': bytes }, { limit: '3MB' });
  server = await host({ '/gannet.json': net.config() });
  chromium = await browser();
}, LIMIT);

after(async () => {
  await chromium?.close();
  await server?.close();
  net?.close();
});

async function arrives(page) {
  await complete(page, 'auk.bin');
  const got = await saved(page, () => button(page, 'Save auk.bin').click());
  assert.equal(sha256(got.bytes), sha256(bytes));
  await remove(page, 'auk.bin');
}

test('a window that refuses its storage downloads into memory, and says so', LIMIT, pictured(async () => {
  const page = await visit(chromium, 'about:blank');
  await page.addInitScript(() => {
    navigator.storage.getDirectory = () => Promise.reject(new DOMException('no', 'SecurityError'));
  });
  await page.goto(server.url);
  await drop(page, [{ name: 'auk.torrent', bytes: shared.content }]);
  await dialog(page).getByText(/kept in this tab’s memory.*private windows/).waitFor();
  await decide(page);
  await arrives(page);
}));

test('a full storage is told, and the download goes on when there is room', LIMIT, pictured(async () => {
  const page = await visit(chromium, server.url);
  const session = await page.context().newCDPSession(page);
  const origin = new URL(server.url).origin;
  await drop(page, [{ name: 'auk.torrent', bytes: shared.content }]);
  await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 2_500_000 });
  await decide(page);
  const card = cardOf(page, 'auk.bin');
  await card.getByText('The browser’s storage is full.').waitFor();
  await card.getByText(/remove them here, or free space/).waitFor();
  await session.send('Storage.overrideQuotaForOrigin', { origin });
  await arrives(page);
}));

test('a download that needs more than there is says so before it begins', LIMIT, pictured(async () => {
  const page = await visit(chromium, 'about:blank');
  // What Chromium tells pages isn't what its tools override.
  await page.addInitScript(() => {
    navigator.storage.estimate = async () => ({ quota: 1_000_000, usage: 0 });
  });
  await page.goto(server.url);
  await drop(page, [{ name: 'auk.torrent', bytes: shared.content }]);
  await dialog(page).getByText(/This needs 6\.0 MB, and the browser’s storage has only .* left/).waitFor();
  await button(dialog(page), 'Cancel').click();
}));

test('a relay that refuses, and one that isn’t there, are told while a link waits', LIMIT, pictured(async () => {
  const refusing = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  refusing.on('connection', (socket) => {
    socket.send(JSON.stringify({ type: 'error', code: 'limit', message: 'too many torrents from your address' }));
  });
  try {
    const page = await visit(chromium, server.url);
    for (const [relay, sentence] of [
      [`ws://127.0.0.1:${refusing.address().port}`, /The relay refuses: .*too many torrents from your address/],
      ['ws://127.0.0.1:9', /No relay can be reached/],
    ]) {
      await page.goto(`${server.url}?${encodeURIComponent(relay)}#magnet=${encodeURIComponent(shared.magnet)}&relay=${encodeURIComponent(relay)}`);
      await button(page, 'Show what is in it').click();
      await dialog(page).getByText(sentence).waitFor();
      await button(dialog(page), 'Cancel').click();
    }
  } finally {
    for (const socket of refusing.clients) socket.terminate();
    refusing.close();
  }
}));
