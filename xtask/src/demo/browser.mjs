// Opens a link in a headless Chromium, agrees to the download, says so, and stays until it is ended.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [playwright, executablePath, link] = process.argv.slice(2);
const { chromium } = await import(pathToFileURL(playwright));
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

const profile = await mkdtemp(path.join(tmpdir(), 'gannet-demo-chromium-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath, headless: true, args: FLAGS,
});
const end = new Promise((resolve) => {
  process.once('SIGINT', resolve).once('SIGTERM', resolve);
});
const page = await context.newPage();
page.on('pageerror', (error) => console.error('in the page:', error));
await page.goto(link);
const button = (name) => page.getByRole('button', { name, exact: true });
const look = button('Show what is in it');
const download = button('Download');
await look.or(download).first().waitFor();
if (await look.isVisible()) await look.click();
await download.last().click();
console.log('started');
await end;
await context.close();
await rm(profile, { recursive: true, force: true });
