// While it runs, and after a reload.
import assert from 'node:assert/strict';
import { scene, stage } from './support/stage.mjs';
import { payload, sha256 } from './support/swarm.mjs';
import { add, button, cardOf, complete, decide, details, dialog, drop, remove, saved } from './support/visit.mjs';

const folder = {
  'fulmar/a.bin': payload(900_000, 11),
  'fulmar/sub/b.bin': payload(1_200_001, 12),
  'fulmar/sub/c.txt': Buffer.from('cliffs\n'),
};
const slowly = payload(6_000_000, 13);

let fulmar;
let slow;
const at = stage(async (net) => {
  fulmar = await net.share('fulmar', folder);
  slow = await net.share('slow.bin', { 'slow.bin': slowly }, { limit: '600K' });
});

scene('only the ticked files are downloaded, others later, and each is saved', async () => {
  const page = await at.visit();
  await drop(page, [{ name: 'fulmar.torrent', bytes: fulmar.content }]);
  await dialog(page).getByText(/will be kept in the browser’s storage, which has .* free/).waitFor();
  await dialog(page).getByLabel('a.bin').uncheck();
  await decide(page);
  await complete(page, 'fulmar');
  const panel = await details(page, 'fulmar', 'Files');
  await panel.getByText('900 kB · not chosen').waitFor();
  const text = await saved(page, () => button(panel, 'Save c.txt').click());
  assert.equal(String(text.bytes), 'cliffs\n');
  await panel.getByRole('checkbox', { name: 'a.bin' }).check();
  await button(panel, 'Save a.bin').waitFor();
  await complete(page, 'fulmar');
  const first = await saved(page, () => button(panel, 'Save a.bin').click());
  assert.equal(sha256(first.bytes), sha256(folder['fulmar/a.bin']));
  await remove(page, 'fulmar');
});

scene('several at once; each pauses, resumes and is removed by itself', async () => {
  const page = await at.visit();
  await add(page, slow.magnet);
  await add(page, fulmar.magnet);
  await complete(page, 'fulmar');
  const card = cardOf(page, 'slow.bin');
  await card.getByText(/kB\/s · .* left · 1 peer/).waitFor();
  await button(page, 'Pause slow.bin').click();
  await card.getByText(/^Paused/).waitFor();
  const done = await card.getByRole('progressbar').getAttribute('aria-valuenow');
  assert.ok(Number(done) < 100, done);
  await button(page, 'Resume slow.bin').click();
  await card.getByText(/kB\/s/).waitFor();
  await remove(page, 'fulmar');
  await complete(page, 'slow.bin');
  await remove(page, 'slow.bin');
});

scene('a reload goes on where it was; a second tab is told, and takes over', async () => {
  const page = await at.visit();
  await add(page, slow.magnet);
  // What is there is recorded every few seconds: what the record doesn't know is fetched again.
  await page.waitForFunction(() => Number(document.querySelector('[role=progressbar]')?.ariaValueNow) >= 65);
  await page.reload();
  const card = cardOf(page, 'slow.bin');
  await card.getByText(/of 6\.0 MB/).waitFor();
  await page.waitForFunction(() => Number(document.querySelector('[role=progressbar]')?.ariaValueNow) >= 30);
  const second = await at.visit();
  await cardOf(second, 'slow.bin').getByText(/^Another tab is downloading this/).waitFor();
  await page.close();
  await complete(second, 'slow.bin');
  const got = await saved(second, () => button(second, 'Save slow.bin').click());
  assert.equal(sha256(got.bytes), sha256(slowly));
  const panel = await details(second, 'slow.bin', 'Speed');
  const [, received] = /([\d.]+) MB received/.exec(await panel.textContent());
  assert.ok(Number(received) < 5, `${received} MB again`);
  await remove(second, 'slow.bin');
});
