// What the surroundings do to a page: each has a sentence of its own, and a way on.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { browser } from '../../wasm/npm/tests/support/browser.mjs';
import { scene, stage } from './support/stage.mjs';
import { payload, sha256 } from './support/swarm.mjs';
import { button, cardOf, complete, decide, dialog, drop, remove, saved, visit } from './support/visit.mjs';

const { WebSocketServer } = createRequire(new URL('../../wasm/npm/package.json', import.meta.url))('ws');
const bytes = payload(6_000_000, 81);

let shared;
const at = stage(async (net) => {
  shared = await net.share('auk.bin', { 'auk.bin': bytes }, { limit: '3MB' });
});

async function arrives(page) {
  await complete(page, 'auk.bin');
  const got = await saved(page, () => button(page, 'Save auk.bin').click());
  assert.equal(sha256(got.bytes), sha256(bytes));
  await remove(page, 'auk.bin');
}

scene('a window that refuses its storage downloads into memory, and says so', async () => {
  const page = await at.visit('about:blank');
  await page.addInitScript(() => {
    navigator.storage.getDirectory = () => Promise.reject(new DOMException('no', 'SecurityError'));
  });
  await page.goto(at.server.url);
  await drop(page, [{ name: 'auk.torrent', bytes: shared.content }]);
  await dialog(page).getByText(/kept in this tab’s memory.*private windows/).waitFor();
  await decide(page);
  await arrives(page);
});

scene('a page from another machine without encryption has no storage, and says why', async () => {
  const port = new URL(at.server.url).port;
  const far = await browser({ args: ['--host-resolver-rules=MAP download.example 127.0.0.1'] });
  try {
    const page = await visit(far, `http://download.example:${port}`);
    await drop(page, [{ name: 'auk.torrent', bytes: shared.content }]);
    await dialog(page).getByText(/kept in this tab’s memory, because this page came without encryption/).waitFor();
    await button(dialog(page), 'Cancel').click();
  } finally {
    await far.close();
  }
});

scene('a full storage is told, and the download goes on when there is room', async () => {
  const page = await at.visit();
  const session = await page.context().newCDPSession(page);
  const origin = new URL(at.server.url).origin;
  await drop(page, [{ name: 'auk.torrent', bytes: shared.content }]);
  await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 2_500_000 });
  await decide(page);
  const card = cardOf(page, 'auk.bin');
  await card.getByText('The browser’s storage is full.').waitFor();
  await card.getByText(/remove them here, or free space/).waitFor();
  await session.send('Storage.overrideQuotaForOrigin', { origin });
  await arrives(page);
});

scene('a download that needs more than there is says so before it begins', async () => {
  const page = await at.visit('about:blank');
  // What Chromium tells pages isn't what its tools override.
  await page.addInitScript(() => {
    navigator.storage.estimate = async () => ({ quota: 1_000_000, usage: 0 });
  });
  await page.goto(at.server.url);
  await drop(page, [{ name: 'auk.torrent', bytes: shared.content }]);
  await dialog(page).getByText(/This needs 6\.0 MB, and the browser’s storage has only .* left/).waitFor();
  await button(dialog(page), 'Cancel').click();
});

scene('a relay that refuses, and one that isn’t there, are told while a link waits', async () => {
  const refusing = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  refusing.on('connection', (socket) => {
    socket.send(JSON.stringify({ type: 'error', code: 'limit', message: 'too many torrents from your address' }));
  });
  try {
    const page = await at.visit();
    for (const [relay, sentence] of [
      [`ws://127.0.0.1:${refusing.address().port}`, /The relay refuses: .*too many torrents from your address/],
      ['ws://127.0.0.1:9', /No relay can be reached/],
    ]) {
      await page.goto(`${at.server.url}?${encodeURIComponent(relay)}#magnet=${encodeURIComponent(shared.magnet)}&relay=${encodeURIComponent(relay)}`);
      await button(page, 'Show what is in it').click();
      await dialog(page).getByText(sentence).waitFor();
      await button(dialog(page), 'Cancel').click();
    }
  } finally {
    for (const socket of refusing.clients) socket.terminate();
    refusing.close();
  }
});

scene('a browser that keeps the page from a relay on this device, or asks first, has sentences of its own', async () => {
  // Chromium takes this server for one of the internet.
  const port = new URL(at.server.url).port;
  const origin = `http://download.example:${port}`;
  const far = await browser({ args: [
    '--host-resolver-rules=MAP download.example 127.0.0.1', `--ip-address-space-overrides=127.0.0.1:${port}=public`,
    `--unsafely-treat-insecure-origin-as-secure=${origin}`,
  ] });
  try {
    const page = await visit(far, origin);
    const session = await page.context().newCDPSession(page);
    const permission = { name: 'loopback-network' };
    await drop(page, [{ name: 'auk.torrent', bytes: shared.content }]);
    await decide(page);
    const card = cardOf(page, 'auk.bin');
    // Without a window nobody can be asked: that is a no.
    await card.getByText(/the browser was told not to let this page reach it/).waitFor();
    await session.send('Browser.setPermission', { origin, permission, setting: 'granted' });
    await arrives(page);
    await session.send('Browser.setPermission', { origin, permission, setting: 'denied' });
    const other = await visit(far, 'about:blank');
    await other.addInitScript(() => {
      Permissions.prototype.query = async () => Object.assign(new EventTarget(), { state: 'prompt' });
    });
    await other.goto(origin);
    await drop(other, [{ name: 'auk.torrent', bytes: shared.content }]);
    await decide(other);
    await cardOf(other, 'auk.bin').getByText('The relay runs on this device, and the browser asks before').waitFor();
  } finally {
    await far.close();
  }
});
