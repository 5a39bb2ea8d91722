// Ways into the page. Nobody is contacted before the person agrees.
import assert from 'node:assert/strict';
import { host } from './support/page.mjs';
import { scene, stage } from './support/stage.mjs';
import { payload, sha256 } from './support/swarm.mjs';
import { add, agree, button, cardOf, complete, decide, dialog, drop, noViolations, remove, saved } from './support/visit.mjs';

const bytes = payload(700_001, 1);

let shared;
const at = stage(async (net) => {
  shared = await net.share('puffin.bin', { 'puffin.bin': bytes });
  const offer = { name: shared.name, info_hash: 'a', length: bytes.length, files: 1, url: '/puffin.torrent', magnet: shared.magnet };
  return { '/puffin.torrent': shared.content, '/unlisted.torrent': shared.content, '/gannet.json': net.config([offer]) };
});

/** Downloads what the dialog offers, compares it, removes it again. */
async function arrives(page) {
  await complete(page, shared.name);
  const got = await saved(page, () => button(page, `Save ${shared.name}`).click());
  assert.deepEqual([got.name, sha256(got.bytes)], [shared.name, sha256(bytes)]);
  await noViolations(page);
  await remove(page, shared.name);
}

scene('a pasted magnet link', async () => {
  const page = await at.visit();
  await add(page, shared.magnet);
  await arrives(page);
});

scene('a pasted address of a .torrent', async () => {
  const page = await at.visit();
  await add(page, `${at.server.url}unlisted.torrent`);
  await arrives(page);
});

scene('what the server shares is offered to be clicked on', async () => {
  const page = await at.visit();
  await button(page, 'Download puffin.bin').click();
  await decide(page);
  await arrives(page);
});

scene('a .torrent file that is dropped, or chosen', async () => {
  const page = await at.visit();
  await drop(page, [{ name: 'puffin.torrent', bytes: shared.content }]);
  await decide(page);
  await arrives(page);
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), button(page, 'Choose a .torrent').click()]);
  await chooser.setFiles(shared.torrent);
  await decide(page);
  await arrives(page);
});

scene('a link contacts nobody whom it names before the person agrees', async () => {
  const page = await at.visit('about:blank');
  const contacted = [];
  page.on('request', (request) => contacted.push(request.url()));
  page.on('websocket', (socket) => contacted.push(socket.url()));
  const other = await host({ '/theirs.torrent': shared.content });
  try {
    const carried = `url=${encodeURIComponent(`${other.url}theirs.torrent`)}&relay=${encodeURIComponent('ws://127.0.0.1:9')}`;
    await page.goto(`${at.server.url}#${carried}`);
    await button(page, 'Show what is in it').waitFor();
    await dialog(page).getByText('ws://127.0.0.1:9').waitFor();
    assert.deepEqual(other.asked, []);
    await button(dialog(page), 'Cancel').click();
    await page.goto(`${at.server.url}#magnet=${encodeURIComponent(shared.magnet)}&relay=${encodeURIComponent(at.net.relay.url)}`);
    await button(page, 'Show what is in it').waitFor();
    assert.deepEqual(contacted.filter((url) => !url.startsWith(at.server.url) && !url.startsWith('about:')), []);
    assert.equal(new URL(page.url()).hash, '');
    await agree(page);
    await arrives(page);
  } finally {
    await other.close();
  }
});

scene('whoever is quicker than the server’s answer loses nothing', async () => {
  const page = await at.visit('about:blank');
  let answer;
  const held = new Promise((resolve) => { answer = resolve; });
  await page.route('**/gannet.json', async (route) => { await held; await route.continue(); });
  await page.goto(at.server.url);
  await drop(page, [{ name: 'hasty.txt', bytes: Buffer.from('x') }]);
  assert.equal(await dialog(page).count(), 0);
  answer();
  await button(dialog(page), 'Share').waitFor();
});

scene('without a relay of its own the page asks for one', async () => {
  const plain = await host();
  try {
    const page = await at.visit(plain.url);
    await page.getByLabel('Magnet link, address').fill(shared.magnet);
    await button(page, 'Open').click();
    await button(page, 'Show what is in it').click();
    assert.match(await page.getByLabel('Relay').evaluate((input) => input.validationMessage), /wss:/);
    await page.getByLabel('Relay').fill(at.net.relay.url);
    await agree(page);
    await arrives(page);
  } finally {
    await plain.close();
  }
});

scene('what goes wrong is said in sentences, with what to do', async () => {
  const page = await at.visit();
  await page.getByLabel('Magnet link, address').fill('what is this');
  await button(page, 'Open').click();
  await page.getByText(/neither a magnet link/).waitFor();
  await drop(page, [{ name: 'broken.torrent', bytes: Buffer.from('d4:infoi1ee') }]);
  await dialog(page).getByText('This is not a torrent, or a broken one.').waitFor();
  await button(dialog(page), 'Cancel').click();
  await page.getByLabel('Magnet link, address').fill(`${at.server.url}none.torrent`);
  await button(page, 'Open').click();
  await button(page, 'Show what is in it').click();
  await dialog(page).getByText('The .torrent file could not be fetched.').waitFor();
  await button(dialog(page), 'Cancel').click();
  await page.goto(`${at.server.url}?again#url=${encodeURIComponent('/puffin.torrent')}&relay=${encodeURIComponent('ws://127.0.0.1:9')}`);
  await agree(page);
  await cardOf(page, shared.name).getByText(/No relay can be reached \(ws:\/\/127\.0\.0\.1:9\)/).waitFor();
  await remove(page, shared.name);
});
