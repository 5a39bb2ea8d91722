// Serves a folder on loopback and opens pages of it in Chromium, with a profile on disk.
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';

const TYPES = {
  '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

/**
 * A server on loopback: the files below `folder`, or what `routes` has for a path (a string or
 * bytes). Any path that ends in `/` is an empty page, to run code in.
 */
export async function serve(folder, routes = {}) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    if (pathname in routes) return response.end(routes[pathname]);
    if (pathname.endsWith('/')) {
      return response.setHeader('content-type', 'text/html').end('<!doctype html><title>test</title>');
    }
    const file = path.join(folder, path.normalize(pathname));
    const found = await stat(file).catch(() => undefined);
    if (!found?.isFile()) return response.writeHead(404).end();
    response.setHeader('content-type', TYPES[path.extname(file)] ?? 'application/octet-stream');
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}/`;
  return {
    url,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Chromium with a fresh profile on disk: what is off the record is stored otherwise. */
export async function browser() {
  const profile = await mkdtemp(path.join(tmpdir(), 'gannet-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: FLAGS,
  });
  return {
    /** A page at `url`; what goes wrong in it is printed. */
    async page(url) {
      const page = await context.newPage();
      page.on('pageerror', (error) => console.error('in the page:', error));
      page.on('console', (message) => console.log('in the page:', message.text()));
      await page.goto(url);
      return page;
    },
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}
