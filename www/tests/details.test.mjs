// The map of pieces, the chart, the table of peers, the log; and limits.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { scene, stage } from './support/stage.mjs';
import { forged, payload } from './support/swarm.mjs';
import { add, button, cardOf, complete, decide, details, dialog, drop, remove } from './support/visit.mjs';

const MANY_PIECES = 100_000;

let shared;
const at = stage(async (net) => {
  shared = await net.share('tern.bin', { 'tern.bin': payload(4_000_000, 21) }, { limit: '800K' });
  await net.seedAgain(shared);
});

/** How many pixels of the map have each colour, the most frequent first. */
const colours = (panel) => panel.locator('canvas').evaluate((canvas) => {
  const { data } = canvas.getContext('2d', { willReadFrequently: true }).getImageData(0, 0, canvas.width, canvas.height);
  const counts = new Map();
  for (const pixel of new Uint32Array(data.buffer)) if (pixel) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
});

scene('a running download shows its pieces, its speed, its peers and what happened', async () => {
  const page = await at.visit();
  await add(page, shared.magnet);
  const map = await details(page, 'tern.bin', 'Pieces');
  await map.getByText(/[1-9]\d* of 62 pieces here, [1-9]\d* in flight/).waitFor();
  assert.ok((await colours(map)).length >= 3);
  const peers = await details(page, 'tern.bin', 'Peers');
  await peers.getByRole('row').nth(2).waitFor();
  assert.equal(await peers.getByText(/^Gannet /).count(), 2);
  await complete(page, 'tern.bin');
  const sortedBy = async (title) => {
    await button(peers, title).click();
    const column = await peers.getByRole('columnheader').allTextContents().then((all) => all.indexOf(title));
    const cells = await peers.getByRole('row').evaluateAll((rows, at) => rows.slice(1).map((row) => row.cells[at].textContent), column);
    const way = await peers.getByRole('columnheader', { name: title }).getAttribute('aria-sort');
    return { cells, way };
  };
  const up = await sortedBy('Address');
  assert.deepEqual([up.way, up.cells], ['ascending', [...up.cells].sort()]);
  const down = await sortedBy('Address');
  assert.deepEqual([down.way, down.cells], ['descending', [...up.cells].reverse()]);

  const again = await details(page, 'tern.bin', 'Pieces');
  await again.getByText('62 of 62 pieces here').waitFor();
  assert.equal((await colours(again)).length, 1);
  await again.getByLabel('Colour by who brought it').check();
  await again.getByRole('listitem').nth(1).waitFor();
  assert.equal((await colours(again)).length, 2);
  await again.locator('canvas').hover({ position: { x: 4, y: 4 } });
  await again.getByText(/^Piece 0: here, from 127\.0\.0\.1:/).waitFor();

  const log = await details(page, 'tern.bin', 'Log');
  const lines = log.getByRole('list').getByRole('listitem');
  assert.equal(await lines.filter({ hasText: /piece \d+ from/ }).count(), 62);
  await log.getByLabel('Show').selectOption('Peers');
  assert.equal(await lines.filter({ hasText: 'piece' }).count(), 0);
  assert.ok(await lines.filter({ hasText: 'connected' }).count() >= 2);
  await log.getByLabel('Show').selectOption('Everything');
  await log.getByLabel('that mention').fill('piece 17 ');
  await lines.nth(1).waitFor({ state: 'detached' });
  assert.equal(await lines.count(), 1);

  const speed = await details(page, 'tern.bin', 'Speed');
  await speed.getByText(/in on average.*4\.0 MB received/).waitFor();
  assert.match(await speed.getByRole('img').locator('path.chart-line').getAttribute('d'), /^M0\.0 .*L600\.0 /);
  await remove(page, 'tern.bin');
});

scene('a peer is added by its address, and what is none is refused', async () => {
  const page = await at.visit();
  const lonely = await at.net.share('lonely.bin', { 'lonely.bin': payload(300_000, 22) }, { announce: false });
  await drop(page, [{ name: 'lonely.torrent', bytes: lonely.content }]);
  await decide(page);
  const peers = await details(page, 'lonely.bin', 'Peers');
  await peers.getByLabel('Add a peer').fill('nobody');
  await button(peers, 'Add').click();
  await page.getByRole('status').getByText('This is not the address of a peer.').waitFor();
  await peers.getByLabel('Add a peer').fill(lonely.addr);
  await button(peers, 'Add').click();
  await complete(page, 'lonely.bin');
  await remove(page, 'lonely.bin');
});

scene('limits hold for what runs', async () => {
  const page = await at.visit();
  const fast = await at.net.share('fast.bin', { 'fast.bin': payload(8_000_000, 23) });
  await button(page, 'Settings').click();
  await page.getByLabel('Download limit, kB/s').fill('200');
  await button(dialog(page), 'Save').click();
  await add(page, fast.magnet);
  await cardOf(page, 'fast.bin').getByText(/ \d+ kB\/s/).waitFor();
  await button(page, 'Settings').click();
  assert.equal(await page.getByLabel('Download limit, kB/s').inputValue(), '200');
  await page.getByLabel('Download limit, kB/s').fill('');
  await button(dialog(page), 'Save').click();
  await complete(page, 'fast.bin');
  await remove(page, 'fast.bin');
});

scene('a map of a hundred thousand pieces', async () => {
  const page = await at.visit();
  await page.addInitScript(() => {
    globalThis.frames = [];
    const { requestAnimationFrame: real } = globalThis;
    globalThis.requestAnimationFrame = (act) => real((now) => {
      const begun = performance.now();
      act(now);
      globalThis.frames.push(performance.now() - begun);
    });
  });
  await page.reload();
  await drop(page, [{ name: 'large.torrent', bytes: forged('large', MANY_PIECES, randomBytes(MANY_PIECES * 20)) }]);
  await decide(page);
  const map = await details(page, 'large', 'Pieces');
  await map.getByText('0 of 100,000 pieces here').waitFor();
  const [[, pixels]] = await colours(map);
  assert.ok(pixels >= MANY_PIECES, `${pixels}`);
  const before = await page.evaluate(() => globalThis.frames.length);
  await page.waitForFunction((before) => globalThis.frames.length > before + 5, before);
  const slowest = Math.max(...await page.evaluate(() => globalThis.frames));
  console.log(`a redraw of ${MANY_PIECES} pieces: ${slowest.toFixed(1)} ms at most`);
  await remove(page, 'large');
});
