// What the page costs, printed: bytes, and how long it keeps the tab from answering at full speed.
import assert from 'node:assert/strict';
import { scene, stage } from './support/stage.mjs';
import { payload, sha256 } from './support/swarm.mjs';
import { add, button, complete, details, remove, saved } from './support/visit.mjs';

const LENGTH = 200_000_000;

const at = stage();

scene('a large download at full speed, with the map open', async () => {
  const bytes = payload(LENGTH, 61);
  const shared = await at.net.share('large.bin', { 'large.bin': bytes }, { pieceLength: 262_144 });
  const page = await at.visit('about:blank');
  await page.addInitScript(() => {
    globalThis.tasks = [];
    new PerformanceObserver((list) => globalThis.tasks.push(...list.getEntries().map(({ duration }) => duration)))
      .observe({ type: 'longtask', buffered: true });
  });
  await page.goto(at.server.url);
  const first = await page.evaluate(() => performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd);
  await add(page, shared.magnet);
  await details(page, 'large.bin', 'Pieces');
  await page.evaluate(() => { globalThis.tasks = []; });
  await complete(page, 'large.bin');
  const tasks = await page.evaluate(() => globalThis.tasks);
  const speed = await details(page, 'large.bin', 'Speed');
  const words = await speed.getByRole('figure').textContent().catch(() => speed.textContent());
  const got = await saved(page, () => button(page, 'Save large.bin').click());
  assert.equal(sha256(got.bytes), sha256(bytes));
  console.log(`ready after ${first.toFixed(0)} ms; ${LENGTH / 1e6} MB: ${/[\d.]+ [kMG]B\/s in on average/.exec(words)?.[0]}`);
  console.log(`tasks over 50 ms in the page meanwhile: ${tasks.length}${tasks.length ? `, the longest ${Math.max(...tasks)} ms` : ''}`);
  await remove(page, 'large.bin');
}, 120_000);
