// The README's pictures: the real page with real downloads. Run by `cargo xtask shots`.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { browser } from '../../wasm/npm/tests/support/browser.mjs';
import { gannet } from '../../wasm/npm/tests/support/programs.mjs';
import { host } from './support/page.mjs';
import { payload, swarm } from './support/swarm.mjs';
import { add, button, complete, details, dialog, drop, visit } from './support/visit.mjs';

const INTO = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const DESKTOP = { width: 1180, height: 860 };
const PHONE = { width: 390, height: 844 };
const FILM = 'Seabirds of the North Atlantic';
const NOTES = 'Field notes 2026';
/** So much of the film is there when its picture is taken. */
const PERCENT = 55;

mkdirSync(INTO, { recursive: true });
const net = await swarm();
const chromium = await browser();
const film = await net.share(FILM, {
  [`${FILM}/film.webm`]: payload(42_000_000, 71),
  [`${FILM}/subtitles/english.vtt`]: payload(61_000, 72),
  [`${FILM}/subtitles/العربية.vtt`]: payload(64_000, 73),
  [`${FILM}/poster.png`]: payload(1_900_000, 74),
}, { limit: '900K' });
await net.seedAgain(film);
await net.seedAgain(film);
const notes = await net.share(NOTES, { [`${NOTES}/notes.txt`]: payload(310_000, 75), [`${NOTES}/map.png`]: payload(2_400_000, 76) });
const server = await host({ '/gannet.json': net.config(), '/film.torrent': film.content });

/** `gannet serve` of a folder; the address of its page. */
async function serve(files) {
  const folder = path.join(net.folder, 'served');
  mkdirSync(folder);
  for (const [name, bytes] of files) writeFileSync(path.join(folder, name), payload(bytes, bytes));
  const program = gannet('serve', folder, '--listen', '127.0.0.1:0', '--peer-listen', '127.0.0.1:0', '--output-dir', net.folder);
  return program.line('manage at  ');
}

async function picture(page, name) {
  await page.evaluate(() => Promise.allSettled(document.getAnimations().map((animation) => animation.finished)));
  await page.screenshot({ path: `${INTO}page-${name}.png` });
  console.log(`docs/images/page-${name}.png`);
}

try {
  const managed = await visit(chromium, await serve([
    ['Gannets diving.webm', 14_200_000], ['Puffin burrows, Skomer 2026.flac', 8_700_000], ['قائمة الطيور.pdf', 412_000],
  ]));
  await managed.setViewportSize(DESKTOP);
  await managed.emulateMedia({ colorScheme: 'light' });
  await managed.getByText('can manage the server now').waitFor({ state: 'detached' });
  await managed.getByText(/8\.7 MB in 1 file · seeding/).waitFor();
  await picture(managed, 'serve-light');
  await managed.close();

  const page = await visit(chromium, server.url);
  await page.setViewportSize(DESKTOP);
  await page.emulateMedia({ colorScheme: 'dark' });
  await drop(page, [{ name: 'film.torrent', bytes: film.content }]);
  await button(dialog(page), 'Download').waitFor();
  await picture(page, 'choose-dark');
  await button(dialog(page), 'Cancel').click();
  await page.emulateMedia({ colorScheme: 'light' });
  await add(page, notes.magnet);
  await complete(page, NOTES);
  await add(page, film.magnet);
  const map = await details(page, FILM, 'Pieces');
  await map.getByLabel('Colour by who brought it').check();
  await page.waitForFunction((percent) => Number(document.querySelector('[role=progressbar]').ariaValueNow) >= percent, PERCENT);
  await page.evaluate(() => document.activeElement.blur());
  await picture(page, 'pieces-light');
  await details(page, FILM, 'Speed');
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.evaluate(() => document.activeElement.blur());
  await picture(page, 'speed-dark');
  await page.setViewportSize(PHONE);
  await details(page, FILM, 'Files');
  await page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 0); });
  await picture(page, 'phone-dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await button(page, `Share ${NOTES}`).click();
  await page.getByRole('img', { name: /QR code/ }).waitFor();
  await picture(page, 'share-phone-light');
} finally {
  await chromium.close();
  await server.close();
  net.close();
}
process.exit(0);
