// What a tab shares when it is opened again; and folders, however they are chosen.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gannet } from '../../wasm/npm/tests/support/programs.mjs';
import { scene, stage } from './support/stage.mjs';
import { payload, sha256 } from './support/swarm.mjs';
import { button, cardOf, dialog, drop, remove } from './support/visit.mjs';

const BYTES = payload(1_500_001, 95);
const at = stage();

/** Agrees to share, and says by which link it is found. */
async function share(page) {
  await button(dialog(page), 'Share').click();
  const magnet = await page.getByLabel('Magnet link', { exact: true }).inputValue();
  await button(dialog(page), 'Close').click();
  return magnet;
}

/** `gannet get` has it from the tab. */
async function isHad(magnet, into, files) {
  const folder = path.join(at.net.folder, into);
  mkdirSync(folder);
  assert.equal(await gannet('get', magnet, '-o', folder, '--quiet').ended, 0);
  for (const [name, bytes] of Object.entries(files)) {
    assert.equal(sha256(readFileSync(path.join(folder, name))), sha256(bytes), name);
  }
}

/** A browser with so little room that no copy is made. */
const withoutRoom = () => {
  navigator.storage.estimate = async () => ({ quota: 100_000, usage: 0 });
};

scene('small files are copied, and shared again when the page is', async () => {
  const page = await at.visit();
  await drop(page, [{ name: 'small.bin', bytes: BYTES }]);
  await button(dialog(page), 'Share').click();
  await dialog(page).getByText(/keeps a copy/).waitFor();
  const magnet = await page.getByLabel('Magnet link', { exact: true }).inputValue();
  await button(dialog(page), 'Close').click();
  await cardOf(page, 'small.bin').getByText(/^Shared from this tab while it is open · 1\.5 MB/).waitFor();
  await page.reload();
  await cardOf(page, 'small.bin').getByText(/^Shared from this tab while it is open · 1\.5 MB/).waitFor();
  await isHad(magnet, 'again', { 'small.bin': BYTES });
  await remove(page, 'small.bin');
  await page.reload();
  await button(page, 'Open').waitFor();
  assert.equal(await cardOf(page, 'small.bin').count(), 0);
});

scene('files that were picked are read where they lie: the browser asks again after a reload', async () => {
  const page = await at.visit('about:blank');
  await page.addInitScript(withoutRoom);
  // Files of the browser's own storage have the same handles as those of the disk.
  await page.addInitScript(() => {
    globalThis.permission = 'prompt';
    FileSystemHandle.prototype.queryPermission = async () => globalThis.permission;
    FileSystemHandle.prototype.requestPermission = async () => (globalThis.permission = 'granted');
    globalThis.showOpenFilePicker = async () => {
      const root = await navigator.storage.getDirectory();
      return [await root.getFileHandle('picked.bin')];
    };
  });
  await page.goto(at.server.url);
  await page.evaluate(async (base64) => {
    const handle = await (await navigator.storage.getDirectory()).getFileHandle('picked.bin', { create: true });
    const writable = await handle.createWritable();
    await writable.write(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)));
    await writable.close();
  }, BYTES.toString('base64'));
  await button(page, 'Share files').click();
  const magnet = await share(page);
  await page.reload();
  const card = cardOf(page, 'picked.bin');
  await card.getByText(/the browser asks again before it lets the page read/).waitFor();
  await button(card, 'Share again picked.bin').click();
  await card.getByText(/^Shared from this tab/).waitFor();
  await isHad(magnet, 'picked', { 'picked.bin': BYTES });
  await remove(page, 'picked.bin');
});

scene('where nothing can be kept the page says so, asks before it is left, and takes the files again', async () => {
  const page = await at.visit('about:blank');
  await page.addInitScript(withoutRoom);
  await page.goto(at.server.url);
  await drop(page, [{ name: 'fleeting.bin', bytes: BYTES }]);
  await button(dialog(page), 'Share').click();
  await dialog(page).getByText(/Closing the tab ends it/).waitFor();
  await button(dialog(page), 'Close').click();
  const card = cardOf(page, 'fleeting.bin');
  await card.getByText(/^Shared from this tab/).waitFor();
  const [asked] = await Promise.all([page.waitForEvent('dialog'), page.reload({ waitUntil: 'commit' }).catch(() => {}), page.once('dialog', (it) => it.accept())]);
  assert.equal(asked.type(), 'beforeunload');
  await card.getByText(/can’t keep these files. Choose them again/).waitFor();
  const choose = async (bytes) => {
    const file = path.join(at.net.folder, 'fleeting.bin');
    writeFileSync(file, bytes);
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), button(card, 'Share again fleeting.bin').click()]);
    await chooser.setFiles(file);
  };
  await choose('something else');
  await card.getByText('These are not the files that were shared').waitFor();
  await choose(BYTES);
  await card.getByText(/^Shared from this tab/).waitFor();
  await remove(page, 'fleeting.bin');
});

const FOLDER = { 'colony/a.txt': Buffer.from('cliff\n'), 'colony/nests/b.bin': payload(300_000, 96) };

scene('a folder is shared as a torrent of its files', async () => {
  for (const [name, bytes] of Object.entries(FOLDER)) {
    const file = path.join(at.net.folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
  const page = await at.visit();
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), button(page, 'Share a folder').click()]);
  await chooser.setFiles(path.join(at.net.folder, 'colony'));
  await isHad(await share(page), 'chosen', FOLDER);
  await remove(page, 'colony');
});

scene('a folder is dropped, where the browser tells a page what is in it', async () => {
  const page = await at.visit();
  await page.evaluate(async () => {
    const colony = await (await navigator.storage.getDirectory()).getDirectoryHandle('rocks', { create: true });
    const write = async (folder, name, text) => {
      const writable = await (await folder.getFileHandle(name, { create: true })).createWritable();
      await writable.write(text);
      await writable.close();
    };
    await write(colony, 'a.txt', 'cliff\n');
    await write(await colony.getDirectoryHandle('nests', { create: true }), 'b.txt', 'egg\n');
    DataTransferItem.prototype.getAsFileSystemHandle = async () => colony;
  });
  await drop(page, [{ name: 'rocks', bytes: Buffer.alloc(0) }]);
  const got = await share(page);
  await isHad(got, 'dropped', { 'rocks/a.txt': Buffer.from('cliff\n'), 'rocks/nests/b.txt': Buffer.from('egg\n') });
  await remove(page, 'rocks');
});
