// Files of this device, offered from the tab; and what leaves the page besides downloads.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { browser } from '../../wasm/npm/tests/support/browser.mjs';
import { gannet } from '../../wasm/npm/tests/support/programs.mjs';
import { scene, stage } from './support/stage.mjs';
import { payload, sha256 } from './support/swarm.mjs';
import { agree, button, complete, dialog, drop, noViolations, saved, visit } from './support/visit.mjs';

const at = stage();

scene('dropped files are shared: a page that opens the link, and gannet get, download from the tab', async () => {
  const bytes = payload(2_000_001, 31);
  const page = await at.visit();
  await drop(page, [{ name: 'skua.bin', bytes }]);
  await button(dialog(page), 'Share').click();
  const link = await page.getByLabel('Link to a page', { exact: true }).inputValue();
  const magnet = await page.getByLabel('Magnet link', { exact: true }).inputValue();
  assert.ok(link.startsWith(`${at.server.url}#magnet=magnet%3A`) && link.includes(`relay=${encodeURIComponent(at.net.relay.url)}`), link);
  await page.getByRole('img', { name: 'The link to a page as a QR code' }).waitFor();
  const torrent = await saved(page, () => button(page, 'Save .torrent file').click());
  assert.equal(torrent.name, 'skua.bin.torrent');
  assert.match(String(torrent.bytes), /^d8:announce/);

  const into = path.join(at.net.folder, 'got');
  mkdirSync(into);
  const got = await gannet('get', magnet, '-o', into, '--quiet').ended;
  assert.equal(got, 0);
  assert.equal(sha256(readFileSync(path.join(into, 'skua.bin'))), sha256(bytes));

  const other = await browser();
  try {
    const theirs = await visit(other, link);
    await agree(theirs);
    await complete(theirs, 'skua.bin');
    const there = await saved(theirs, () => button(theirs, 'Save skua.bin').click());
    assert.equal(sha256(there.bytes), sha256(bytes));
    await noViolations(theirs);
  } finally {
    await other.close();
  }
  const stats = await saved(page, () => button(page, 'Save statistics').click());
  assert.ok(JSON.parse(stats.bytes).uploaded_bytes >= bytes.length);
  await noViolations(page);
});

scene('several files are shared in a folder of their own', async () => {
  const page = await at.visit();
  await drop(page, [{ name: 'one.txt', bytes: Buffer.from('1\n') }, { name: 'two.txt', bytes: Buffer.from('2\n') }]);
  await button(dialog(page), 'Share').click();
  await button(dialog(page), 'Close').click();
  await page.getByRole('article', { name: '2 files' }).getByText(/^Shared from this tab/).waitFor();
});
