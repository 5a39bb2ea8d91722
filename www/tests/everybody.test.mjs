// axe, in light and dark, on a phone and on a desktop; the keyboard alone; less motion.
import assert from 'node:assert/strict';
import { clean } from './support/axe.mjs';
import { scene, stage } from './support/stage.mjs';
import { payload } from './support/swarm.mjs';
import { button, cardOf, complete, details, dialog, drop } from './support/visit.mjs';

const SIZES = [['phone', { width: 360, height: 740 }], ['desktop', { width: 1600, height: 1000 }]];
const FILES = { 'kittiwake/a.txt': Buffer.from('nest\n'), 'kittiwake/b.bin': payload(600_000, 51), 'kittiwake/قائمة.txt': Buffer.from('x') };

let shared;
const at = stage(async (net) => {
  shared = await net.share('kittiwake', FILES);
  const offer = { name: 'kittiwake', info_hash: 'a', length: 600_006, files: 3, url: '/kittiwake.torrent', magnet: shared.magnet };
  return { '/gannet.json': net.config([offer]), '/kittiwake.torrent': shared.content };
});

for (const [size, viewport] of SIZES) {
  for (const colorScheme of ['light', 'dark']) {
    scene(`axe reports nothing: ${colorScheme}, ${size}`, async () => {
      const page = await at.visit('about:blank');
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.goto(at.server.url);
      await button(page, 'Download kittiwake').waitFor();
      let passed = await clean(page, 'empty');
      await button(page, 'Settings').click();
      passed += await clean(page, 'settings');
      await button(dialog(page), 'Cancel').click();
      await page.getByLabel('Magnet link, address').fill(shared.magnet);
      await button(page, 'Open').click();
      passed += await clean(page, 'consent');
      await button(page, 'Show what is in it').click();
      await button(dialog(page), 'Download').waitFor();
      passed += await clean(page, 'choice');
      await button(dialog(page), 'Download').click();
      await complete(page, 'kittiwake');
      for (const tab of ['Files', 'Pieces', 'Speed', 'Peers', 'Log']) {
        await details(page, 'kittiwake', tab);
        passed += await clean(page, tab);
      }
      await button(page, 'Share kittiwake').click();
      await page.getByRole('img', { name: /QR code/ }).waitFor();
      passed += await clean(page, 'share');
      await button(dialog(page), 'Close').click();
      await drop(page, [{ name: 'broken.torrent', bytes: Buffer.from('x') }]);
      await dialog(page).getByText('This is not a torrent').waitFor();
      passed += await clean(page, 'an error');
      await button(dialog(page), 'Cancel').click();
      await button(page, 'Remove kittiwake').click();
      passed += await clean(page, 'removal');
      await button(dialog(page), 'Remove').click();
      await cardOf(page, 'kittiwake').waitFor({ state: 'detached' });
      console.log(`axe, ${colorScheme}, ${size}: 0 violations, ${passed} rules passed`);
    });
  }
}

scene('with the keyboard alone, from the link to a file’s name', async () => {
  const page = await at.visit();
  const tabTo = async (name) => {
    for (let step = 0; step < 60; step += 1) {
      await page.keyboard.press('Tab');
      const at = await page.evaluate(() => document.activeElement?.ariaLabel ?? document.activeElement?.labels?.[0]?.textContent ?? document.activeElement?.textContent);
      if (at?.startsWith(name)) return;
    }
    throw new Error(`the Tab key never comes to ${name}`);
  };
  await tabTo('Magnet link');
  await page.keyboard.type(shared.magnet);
  await page.keyboard.press('Enter');
  await button(page, 'Show what is in it').waitFor();
  await page.keyboard.press('Enter');
  await button(dialog(page), 'Download').waitFor();
  await page.waitForFunction(() => document.activeElement?.textContent === 'Download');
  await page.keyboard.press('Enter');
  await complete(page, 'kittiwake');
  await tabTo('Details');
  await page.keyboard.press('Enter');
  await tabTo('Files');
  await page.keyboard.press('ArrowRight');
  await page.getByRole('tabpanel', { name: 'Pieces' }).waitFor();
  await page.keyboard.press('End');
  await page.getByRole('tabpanel', { name: 'Log' }).waitFor();
  await page.keyboard.press('Home');
  await page.getByRole('tabpanel', { name: 'Files' }).getByText('قائمة.txt').waitFor();
  await tabTo('Show a.txt');
  await page.keyboard.press('Enter');
  await dialog(page).getByText('nest').waitFor();
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'detached' });
  assert.equal(await page.evaluate(() => document.activeElement.ariaLabel), 'Show a.txt');
});

scene('who wants less motion gets none', async () => {
  const page = await at.visit('about:blank');
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.goto(at.server.url);
  await button(page, 'Settings').click();
  const moving = await page.evaluate(() => document.getAnimations().filter(({ animationName }) => animationName).length);
  assert.equal(moving, 0);
});
