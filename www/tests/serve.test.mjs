// The page that is inside `gannet serve`, from its printed link to the bytes; and the server, managed
// from the page.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before } from 'node:test';
import { browser } from '../../wasm/npm/tests/support/browser.mjs';
import { endAll, gannet } from '../../wasm/npm/tests/support/programs.mjs';
import { clean } from './support/axe.mjs';
import { scene } from './support/stage.mjs';
import { payload, sha256 } from './support/swarm.mjs';
import { button, cardOf, complete, decide, details, dialog, noViolations, remove, saved, visit } from './support/visit.mjs';

const FILM = payload(3_000_001, 91);
const LOOKS = [
  ['light', 'phone', { width: 390, height: 844 }],
  ['dark', 'phone', { width: 390, height: 844 }],
  ['light', 'desktop', { width: 1280, height: 900 }],
  ['dark', 'desktop', { width: 1280, height: 900 }],
];
let folder;
let source;
let other;
let chromium;

/** `gannet serve`, and what it has printed: its links, its token. */
async function serve(name, ...flags) {
  const into = path.join(folder, `${name} downloads`);
  const program = gannet('serve', ...flags, '--listen', '127.0.0.1:0', '--peer-listen', '127.0.0.1:0', '--output-dir', into);
  const url = (await program.line('serving at ')).split(' ')[0];
  const manage = await program.line('manage at  ');
  const link = flags.length > 0 ? (await program.line('  open   ')) : undefined;
  return { url, manage, link, into };
}

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'gannet-serve-'));
  mkdirSync(path.join(folder, 'films'));
  writeFileSync(path.join(folder, 'films/film & co.bin'), FILM);
  source = await serve('source', path.join(folder, 'films'));
  other = await serve('other');
  chromium = await browser();
}, { timeout: 60_000 });

after(async () => {
  await chromium?.close();
  endAll();
  rmSync(folder, { recursive: true, force: true });
}, { timeout: 60_000 });

for (const [colorScheme, size, viewport] of LOOKS) {
  scene(`the printed link leads to the bytes: ${colorScheme}, ${size}`, async () => {
    const page = await visit(chromium, 'about:blank');
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.goto(source.link);
    await button(dialog(page), 'Download').waitFor();
    await clean(page, 'choice');
    await decide(page);
    await complete(page, 'film & co.bin');
    await clean(page, 'complete');
    const got = await saved(page, () => button(page, 'Save film & co.bin').click());
    assert.deepEqual([got.name, sha256(got.bytes)], ['film & co.bin', sha256(FILM)]);
    const peers = await details(page, 'film & co.bin', 'Peers');
    assert.equal(await peers.getByRole('row').count(), 2, 'one peer: the server itself');
    await noViolations(page);
    await remove(page, 'film & co.bin');
    await button(page, 'Download film & co.bin').waitFor();
  });
}

scene('a page without the token shows what the server does, and can’t change it', async () => {
  const page = await visit(chromium, source.url);
  const row = page.getByRole('listitem').filter({ hasText: 'film & co.bin' });
  await row.getByText('3.0 MB in 1 file').waitFor();
  await button(row, 'Download film & co.bin').waitFor();
  assert.equal(await button(row, /on the server/).count(), 0);
  const refused = await page.evaluate(() => fetch('/api/v1/downloads', { method: 'POST', body: '{"add":"x"}' }).then(({ status }) => status));
  assert.equal(refused, 401);
  await button(page, 'Manage').click();
  await page.getByLabel('Token').fill('something else');
  await button(dialog(page), 'Manage').click();
  assert.match(await page.getByLabel('Token').evaluate((field) => field.validationMessage), /no spaces/);
  await page.getByLabel('Token').fill('wrong');
  await button(dialog(page), 'Manage').click();
  await button(page, 'Pause film & co.bin on the server').click();
  await page.getByRole('status').getByText('The server has another token.').waitFor();
  await button(page, 'Manage').waitFor();
});

scene('whoever opens the link with the token has the server download, pause, go on and remove', async () => {
  const page = await visit(chromium, other.manage);
  await page.getByRole('status').getByText('can manage the server now').waitFor();
  assert.equal(new URL(page.url()).hash, '', 'the token is not left in the address');
  await page.reload();
  await button(page, 'Stop managing').waitFor();
  await page.getByLabel('Magnet link, address').fill(new URL('/torrents/film%20%26%20co.bin.torrent', source.url).href);
  await button(page, 'Open').click();
  await button(dialog(page), 'Let the server download it').click();
  const row = page.getByRole('listitem').filter({ hasText: 'film & co.bin' });
  await button(row, 'Pause film & co.bin on the server').click();
  await row.getByText(/paused/).waitFor();
  await clean(page, 'managing');
  await button(row, 'Resume film & co.bin on the server').click();
  // It comes by the server's events: nothing is reloaded.
  await row.getByText('3.0 MB in 1 file · seeding').waitFor();
  assert.equal(sha256(readFileSync(path.join(other.into, 'film & co.bin'))), sha256(FILM));
  await button(row, 'Remove film & co.bin on the server').click();
  await dialog(page).getByLabel(/Also delete/).check();
  await button(dialog(page), 'Remove').click();
  await row.waitFor({ state: 'detached' });
  assert.throws(() => readFileSync(path.join(other.into, 'film & co.bin')));
  await button(page, 'Stop managing').click();
  await button(page, 'Manage').waitFor();
  await noViolations(page);
});

scene('what was shared from the start is never deleted, and the page says so', async () => {
  const page = await visit(chromium, source.manage);
  await button(page, 'Remove film & co.bin on the server').click();
  await dialog(page).getByLabel(/Also delete/).check();
  await button(dialog(page), 'Remove').click();
  await dialog(page).getByText(/was told to share this, so it does not delete it/).waitFor();
  await button(dialog(page), 'Cancel').click();
  await cardOf(page, 'film & co.bin').waitFor({ state: 'detached' });
});

scene('over TLS too: the page, its relay and its tracker have the names that it was asked by', async () => {
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(folder, name));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const secure = await serve('secure', path.join(folder, 'films'), '--cert', cert, '--tls-key', key);
  assert.match(secure.link, /^https:/);
  const trusting = await browser({ ignoreHTTPSErrors: true });
  try {
    const page = await visit(trusting, 'about:blank');
    const sockets = [];
    page.on('websocket', (socket) => sockets.push(new URL(socket.url()).origin));
    await page.goto(secure.link.replace('127.0.0.1', 'localhost'));
    await decide(page);
    await complete(page, 'film & co.bin');
    const got = await saved(page, () => button(page, 'Save film & co.bin').click());
    assert.equal(sha256(got.bytes), sha256(FILM));
    assert.deepEqual(new Set(sockets), new Set([new URL(page.url().replace('https', 'wss')).origin]));
  } finally {
    await trusting.close();
  }
});
