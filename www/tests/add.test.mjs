// Ways into the page. Nobody is contacted before the person agrees.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, pictured } from '../../wasm/npm/tests/support/browser.mjs';
import { host } from './support/page.mjs';
import { payload, sha256, swarm } from './support/swarm.mjs';
import { add, agree, button, cardOf, complete, decide, dialog, drop, noViolations, remove, saved, visit } from './support/visit.mjs';

const LIMIT = { timeout: 90_000 };
const bytes = payload(700_001, 1);
let net;
let chromium;
let shared;
let routes;
let server;

before(async () => {
  net = await swarm();
  shared = await net.share('puffin.bin', { 'puffin.bin': bytes });
  routes = { '/puffin.torrent': shared.content };
  routes['/gannet.json'] = net.config([{
    name: shared.name, info_hash: 'a', length: bytes.length, files: 1, url: '/puffin.torrent', magnet: shared.magnet,
  }]);
  server = await host(routes);
  chromium = await browser();
}, LIMIT);

after(async () => {
  await chromium?.close();
  await server?.close();
  net?.close();
});

/** Downloads what the dialog offers, compares it, removes it again. */
async function arrives(page) {
  await complete(page, shared.name);
  const got = await saved(page, () => button(page, `Save ${shared.name}`).click());
  assert.deepEqual([got.name, sha256(got.bytes)], [shared.name, sha256(bytes)]);
  await noViolations(page);
  await remove(page, shared.name);
}

test('a pasted magnet link', LIMIT, pictured(async () => {
  const page = await visit(chromium, server.url);
  await add(page, shared.magnet);
  await arrives(page);
}));

test('a pasted address of a .torrent', LIMIT, pictured(async () => {
  const page = await visit(chromium, server.url);
  await add(page, `${server.url}puffin.torrent`);
  await arrives(page);
}));

test('what the server shares is offered to be clicked on', LIMIT, pictured(async () => {
  const page = await visit(chromium, server.url);
  await button(page, /^puffin\.bin/).click();
  await agree(page);
  await arrives(page);
}));

test('a .torrent file that is dropped, or chosen', LIMIT, pictured(async () => {
  const page = await visit(chromium, server.url);
  await drop(page, [{ name: 'puffin.torrent', bytes: shared.content }]);
  await decide(page);
  await arrives(page);
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), button(page, 'Choose a .torrent').click()]);
  await chooser.setFiles(shared.torrent);
  await decide(page);
  await arrives(page);
}));

test('a link contacts nobody whom it names before the person agrees', LIMIT, pictured(async () => {
  const page = await visit(chromium, 'about:blank');
  const contacted = [];
  page.on('request', (request) => contacted.push(request.url()));
  page.on('websocket', (socket) => contacted.push(socket.url()));
  const other = await host({ '/theirs.torrent': shared.content });
  try {
    const carried = `url=${encodeURIComponent(`${other.url}theirs.torrent`)}&relay=${encodeURIComponent('ws://127.0.0.1:9')}`;
    await page.goto(`${server.url}#${carried}`);
    await button(page, 'Show what is in it').waitFor();
    await dialog(page).getByText('ws://127.0.0.1:9').waitFor();
    assert.deepEqual(other.asked, []);
    await button(dialog(page), 'Cancel').click();
    await page.goto(`${server.url}#magnet=${encodeURIComponent(shared.magnet)}&relay=${encodeURIComponent(net.relay.url)}`);
    await button(page, 'Show what is in it').waitFor();
    assert.deepEqual(contacted.filter((url) => !url.startsWith(server.url) && !url.startsWith('about:')), []);
    assert.equal(new URL(page.url()).hash, '');
    await agree(page);
    await arrives(page);
  } finally {
    await other.close();
  }
}));

test('without a relay of its own the page asks for one', LIMIT, pictured(async () => {
  const plain = await host();
  try {
    const page = await visit(chromium, plain.url);
    await page.getByLabel('Magnet link, address').fill(shared.magnet);
    await button(page, 'Open').click();
    await button(page, 'Show what is in it').click();
    assert.match(await page.getByLabel('Relay').evaluate((input) => input.validationMessage), /wss:/);
    await page.getByLabel('Relay').fill(net.relay.url);
    await agree(page);
    await arrives(page);
  } finally {
    await plain.close();
  }
}));

test('what goes wrong is said in sentences, with what to do', LIMIT, pictured(async () => {
  const page = await visit(chromium, server.url);
  await page.getByLabel('Magnet link, address').fill('what is this');
  await button(page, 'Open').click();
  await page.getByText(/neither a magnet link/).waitFor();
  await drop(page, [{ name: 'broken.torrent', bytes: Buffer.from('d4:infoi1ee') }]);
  await dialog(page).getByText('This is not a torrent, or a broken one.').waitFor();
  await button(dialog(page), 'Cancel').click();
  await page.getByLabel('Magnet link, address').fill(`${server.url}none.torrent`);
  await button(page, 'Open').click();
  await button(page, 'Show what is in it').click();
  await dialog(page).getByText('The .torrent file could not be fetched.').waitFor();
  await button(dialog(page), 'Cancel').click();
  await page.goto(`${server.url}?again#url=${encodeURIComponent('/puffin.torrent')}&relay=${encodeURIComponent('ws://127.0.0.1:9')}`);
  await agree(page);
  await cardOf(page, shared.name).getByText(/No relay can be reached \(ws:\/\/127\.0\.0\.1:9\)/).waitFor();
  await remove(page, shared.name);
}));
