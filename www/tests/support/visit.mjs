// What people do on the page, by the names that they see or hear.
import { readFile } from 'node:fs/promises';
import assert from 'node:assert/strict';

/** Opens the page in a new tab. Files are saved without the system's dialogs for that, as in some browsers. */
export async function visit(chromium, url) {
  const page = await chromium.page('about:blank');
  await page.addInitScript(() => {
    delete globalThis.showSaveFilePicker;
    delete globalThis.showOpenFilePicker;
    delete globalThis.showDirectoryPicker;
    globalThis.violations = [];
    addEventListener('securitypolicyviolation', (event) => {
      globalThis.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
    });
  });
  await page.goto(url);
  return page;
}

export const button = (page, name) => page.getByRole('button', { name, exact: typeof name === 'string' });
export const dialog = (page) => page.getByRole('dialog');
/** The card of a download. */
export const cardOf = (page, name) => page.getByRole('article', { name });

/** Pastes a link and agrees to all that follows. */
export async function add(page, link) {
  await page.getByLabel('Magnet link, address').fill(link);
  await button(page, 'Open').click();
  await agree(page);
}

export async function agree(page) {
  await button(page, 'Show what is in it').click();
  await decide(page);
}

export async function decide(page) {
  await button(dialog(page), 'Download').click();
}

export const complete = (page, name) => cardOf(page, name).getByText(/^Complete/).waitFor();

/** Saves by a button and returns the bytes. */
export async function saved(page, press) {
  const [download] = await Promise.all([page.waitForEvent('download'), press()]);
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

/** Removes a download, and what the browser keeps of it. */
export async function remove(page, name) {
  await button(page, `Remove ${name}`).click();
  await button(dialog(page), 'Remove').click();
  await cardOf(page, name).waitFor({ state: 'detached' });
}

export async function details(page, name, tab) {
  const card = cardOf(page, name);
  const more = card.getByRole('button', { name: /^Details/ });
  if ((await more.getAttribute('aria-expanded')) === 'false') await more.click();
  await card.getByRole('tab', { name: tab }).click();
  return card.getByRole('tabpanel');
}

/** Drops files anywhere on the page. */
export async function drop(page, files) {
  const contents = files.map(({ name, bytes }) => ({ name, base64: Buffer.from(bytes).toString('base64') }));
  await page.evaluate((contents) => {
    const data = new DataTransfer();
    for (const { name, base64 } of contents) {
      data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
    }
    for (const type of ['dragenter', 'dragover', 'drop']) {
      document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
    }
  }, contents);
}

/** Nothing that the page did was against its own policy. */
export async function noViolations(page) {
  assert.deepEqual(await page.evaluate(() => globalThis.violations), []);
}
