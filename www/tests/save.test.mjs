// To disk by the system's dialogs, where the browser has them: never as a whole in memory.
import assert from 'node:assert/strict';
import { scene, stage } from './support/stage.mjs';
import { payload, sha256 } from './support/swarm.mjs';
import { add, button, cardOf, complete, details, remove } from './support/visit.mjs';

const FILES = { 'shearwater/a.bin': payload(900_000, 97), 'shearwater/sub/b.bin': payload(40_001, 98) };
let shared;
const at = stage(async (net) => {
  shared = await net.share('shearwater', FILES, { limit: '1MB' });
});

/** The dialogs answer with handles of the browser's own storage, which are as good as the disk's. */
async function visit(choose) {
  const page = await at.visit('about:blank');
  await page.addInitScript(() => {
    globalThis.saving = navigator.storage.getDirectory().then((root) => root.getDirectoryHandle('saved', { create: true }));
    globalThis.blobs = 0;
    const { createObjectURL } = URL;
    URL.createObjectURL = (blob) => (globalThis.blobs += 1, createObjectURL(blob));
  });
  await page.addInitScript(choose);
  await page.goto(at.server.url);
  await add(page, shared.magnet);
  return page;
}

/** What has been saved below the chosen folder. */
async function read(page, name) {
  const base64 = await page.evaluate(async (path) => {
    let folder = await globalThis.saving;
    for (const part of path.slice(0, -1)) folder = await folder.getDirectoryHandle(part);
    const bytes = new Uint8Array(await (await (await folder.getFileHandle(path.at(-1))).getFile()).arrayBuffer());
    let text = '';
    for (let at = 0; at < bytes.length; at += 0x6000) text += btoa(String.fromCharCode(...bytes.subarray(at, at + 0x6000)));
    return text;
  }, name.split('/'));
  return Buffer.from(base64, 'base64');
}

const pickers = () => {
  globalThis.showSaveFilePicker = async ({ suggestedName }) => (await globalThis.saving).getFileHandle(suggestedName, { create: true });
  globalThis.showDirectoryPicker = () => globalThis.saving;
};

scene('a file is written where the person wants it, also one that is still coming', async () => {
  const page = await visit(pickers);
  const files = await details(page, 'shearwater', 'Files');
  await button(files, 'Save b.bin').click();
  await page.getByRole('status').getByText('b.bin is saved.').waitFor();
  assert.equal(sha256(await read(page, 'b.bin')), sha256(FILES['shearwater/sub/b.bin']));
  assert.equal(await page.evaluate(() => globalThis.blobs), 0, 'no blob was made of it');
  await remove(page, 'shearwater');
});

scene('all files are written into a folder of the person’s, in their own folders', async () => {
  const page = await visit(pickers);
  await complete(page, 'shearwater');
  await button(page, 'Save shearwater').click();
  await page.getByRole('status').getByText('shearwater is saved.').waitFor();
  for (const [name, bytes] of Object.entries(FILES)) assert.equal(sha256(await read(page, name)), sha256(bytes), name);
  await remove(page, 'shearwater');
});

scene('a dialog that is closed saves nothing and says nothing; a disk that refuses has a sentence', async () => {
  const page = await visit(() => {
    globalThis.answers = [new DOMException('closed', 'AbortError'), new DOMException('no', 'NotAllowedError')];
    globalThis.showDirectoryPicker = async () => { throw globalThis.answers.shift(); };
  });
  await complete(page, 'shearwater');
  await button(page, 'Save shearwater').click();
  await page.waitForFunction(() => globalThis.answers.length === 1);
  assert.equal(await page.getByRole('status').getByText(/could not be saved/).count(), 0);
  await button(page, 'Save shearwater').click();
  await page.getByRole('status').getByText(/It could not be saved\. The browser does not let the page write there\./).waitFor();
  await cardOf(page, 'shearwater').waitFor();
  await remove(page, 'shearwater');
});
