// While it runs, and after a reload.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, pictured } from '../../wasm/npm/tests/support/browser.mjs';
import { host } from './support/page.mjs';
import { payload, sha256, swarm } from './support/swarm.mjs';
import { add, button, cardOf, complete, decide, details, dialog, drop, remove, saved, visit } from './support/visit.mjs';

const LIMIT = { timeout: 90_000 };
const folder = {
  'fulmar/a.bin': payload(900_000, 11),
  'fulmar/sub/b.bin': payload(1_200_001, 12),
  'fulmar/sub/c.txt': Buffer.from('cliffs\n'),
};
const slowly = payload(6_000_000, 13);
let net;
let chromium;
let server;
let fulmar;
let slow;

before(async () => {
  net = await swarm();
  fulmar = await net.share('fulmar', folder);
  slow = await net.share('slow.bin', { 'slow.bin': slowly }, { limit: '600K' });
  server = await host({ '/gannet.json': net.config() });
  chromium = await browser();
}, LIMIT);

after(async () => {
  await chromium?.close();
  await server?.close();
  net?.close();
});

test('only the ticked files are downloaded, others later, and each is saved', LIMIT, pictured(async () => {
  const page = await visit(chromium, server.url);
  await drop(page, [{ name: 'fulmar.torrent', bytes: fulmar.content }]);
  await dialog(page).getByText(/will be kept in the browser’s storage, which has .* free/).waitFor();
  await dialog(page).getByLabel('a.bin').uncheck();
  await decide(page);
  await complete(page, 'fulmar');
  const panel = await details(page, 'fulmar', 'Files');
  await panel.getByText('900 kB · not chosen').waitFor();
  const text = await saved(page, () => button(panel, 'Save c.txt').click());
  assert.equal(String(text.bytes), 'cliffs\n');
  await panel.getByRole('checkbox', { name: 'a.bin' }).check();
  await button(panel, 'Save a.bin').waitFor();
  await complete(page, 'fulmar');
  const first = await saved(page, () => button(panel, 'Save a.bin').click());
  assert.equal(sha256(first.bytes), sha256(folder['fulmar/a.bin']));
  await remove(page, 'fulmar');
}));

test('several at once; each pauses, resumes and is removed by itself', LIMIT, pictured(async () => {
  const page = await visit(chromium, server.url);
  await add(page, slow.magnet);
  await add(page, fulmar.magnet);
  await complete(page, 'fulmar');
  const card = cardOf(page, 'slow.bin');
  await card.getByText(/kB\/s · .* left · 1 peer/).waitFor();
  await button(page, 'Pause slow.bin').click();
  await card.getByText(/^Paused/).waitFor();
  const at = await card.getByRole('progressbar').getAttribute('aria-valuenow');
  assert.ok(Number(at) < 100, at);
  await button(page, 'Resume slow.bin').click();
  await card.getByText(/kB\/s/).waitFor();
  await remove(page, 'fulmar');
  await complete(page, 'slow.bin');
  await remove(page, 'slow.bin');
}));

test('a reload goes on where it was; a second tab is told, and takes over', LIMIT, pictured(async () => {
  const page = await visit(chromium, server.url);
  await add(page, slow.magnet);
  // What is there is recorded every few seconds: what the record doesn't know is fetched again.
  await page.waitForFunction(() => Number(document.querySelector('[role=progressbar]')?.ariaValueNow) >= 65);
  await page.reload();
  const card = cardOf(page, 'slow.bin');
  await card.getByText(/of 6\.0 MB/).waitFor();
  await page.waitForFunction(() => Number(document.querySelector('[role=progressbar]')?.ariaValueNow) >= 30);
  const second = await visit(chromium, server.url);
  await cardOf(second, 'slow.bin').getByText(/^Another tab is downloading this/).waitFor();
  await page.close();
  await complete(second, 'slow.bin');
  const got = await saved(second, () => button(second, 'Save slow.bin').click());
  assert.equal(sha256(got.bytes), sha256(slowly));
  const panel = await details(second, 'slow.bin', 'Speed');
  const [, received] = /([\d.]+) MB received/.exec(await panel.textContent());
  assert.ok(Number(received) < 5, `${received} MB again`);
  await remove(second, 'slow.bin');
}));
