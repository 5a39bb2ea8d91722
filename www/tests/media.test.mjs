// Playing while it downloads, and looking into files without running what is in them.
import assert from 'node:assert/strict';
import { scene, stage } from './support/stage.mjs';
import { payload } from './support/swarm.mjs';
import { video } from './support/video.mjs';
import { add, button, cardOf, complete, details, dialog, noViolations, remove } from './support/visit.mjs';

const SECONDS = 60;
const SAMPLES_PER_SECOND = 44_100;
const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const RUNS = '<script>globalThis.owned = 1; parent.owned = 1</script>';

const at = stage();

/** A minute of noise, as plain as sound can be stored. */
function wave() {
  const samples = payload(SECONDS * SAMPLES_PER_SECOND * 2, 41);
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(SAMPLES_PER_SECOND, 24);
  head.writeUInt32LE(SAMPLES_PER_SECOND * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
}

scene('sound plays, and is sought in, while it downloads', async () => {
  const page = await at.visit();
  const shared = await at.net.share('gulls.wav', { 'gulls.wav': wave() }, { limit: '250K' });
  await add(page, shared.magnet);
  const files = await details(page, 'gulls.wav', 'Files');
  assert.equal(await page.evaluate(() => navigator.serviceWorker.getRegistrations().then((all) => all.length)), 0);
  await button(files, 'Play gulls.wav').click();
  const audio = dialog(page).locator('audio');
  await audio.evaluate((audio) => { audio.muted = true; return audio.play(); });
  await page.waitForFunction(() => document.querySelector('audio').currentTime > 0.5);
  await audio.evaluate((audio) => { audio.currentTime = 50; });
  await page.waitForFunction(() => document.querySelector('audio').currentTime > 50.5);
  const done = Number(await cardOf(page, 'gulls.wav').getByRole('progressbar').getAttribute('aria-valuenow'));
  assert.ok(done < 90, `${done} % were there already`);
  await button(dialog(page), 'Close').click();
  await noViolations(page);
  await remove(page, 'gulls.wav');
});

scene('video plays, and is sought in, while it downloads', async () => {
  const film = await video(at.chromium, at.server.url, SECONDS);
  const shared = await at.net.share('gannets.webm', { 'gannets.webm': film }, { limit: `${Math.round(film.length / 25_000)}K` });
  const page = await at.visit();
  await add(page, shared.magnet);
  const files = await details(page, 'gannets.webm', 'Files');
  await button(files, 'Play gannets.webm').click();
  const player = dialog(page).locator('video');
  await player.evaluate((video) => { video.muted = true; return video.play(); });
  await page.waitForFunction(() => document.querySelector('video').currentTime > 0.5);
  const { duration, width } = await player.evaluate((video) => ({ duration: video.duration, width: video.videoWidth }));
  assert.deepEqual([Math.round(duration), width], [SECONDS, 320]);
  await player.evaluate((video) => { video.currentTime = 50; });
  await page.waitForFunction(() => document.querySelector('video').currentTime > 50.5);
  const done = Number(await cardOf(page, 'gannets.webm').getByRole('progressbar').getAttribute('aria-valuenow'));
  assert.ok(done < 90, `${done} % were there already`);
  await button(dialog(page), 'Close').click();
  await noViolations(page);
  await remove(page, 'gannets.webm');
});

scene('pictures and texts are shown; what is in them never runs', async () => {
  const page = await at.visit();
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">${RUNS}<rect width="9" height="9"/></svg>`;
  const shared = await at.net.share('album', { 'album/a.png': PNG, 'album/b.svg': Buffer.from(svg), 'album/c.html': Buffer.from(RUNS) });
  await add(page, shared.magnet);
  await complete(page, 'album');
  const files = await details(page, 'album', 'Files');
  for (const [name, width] of [['a.png', 1], ['b.svg', 9]]) {
    await button(files, `Show ${name}`).click();
    await dialog(page).getByRole('img', { name }).waitFor();
    await page.waitForFunction((width) => document.querySelector('dialog img').naturalWidth === width, width);
    await button(dialog(page), 'Close').click();
  }
  await button(files, 'Show c.html').click();
  await dialog(page).getByText(RUNS).waitFor();
  assert.equal(await page.evaluate(() => globalThis.owned), undefined);
  await noViolations(page);
});
