// Serves a folder on loopback and opens pages of it in Chromium, with a profile on disk.
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const TYPES = {
  '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  // A name of this machine that isn't trusted as its address is: a page from there gets no SubtleCrypto.
  '--host-resolver-rules=MAP plain.test 127.0.0.1',
];

/**
 * A server on loopback: the files below `folder`, or what `routes` has for a path (a string, bytes, or
 * a function that answers). Any path that ends in `/` is an empty page, to run code in.
 */
export async function serve(folder, routes = {}) {
  const server = createServer(async (request, response) => {
    const pathname = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    const type = TYPES[path.extname(pathname)] ?? 'application/octet-stream';
    const route = routes[pathname];
    if (typeof route === 'function') return route(request, response);
    if (route !== undefined) return response.setHeader('content-type', type).end(route);
    if (pathname.endsWith('/')) {
      return response.setHeader('content-type', 'text/html').end('<!doctype html><title>test</title>');
    }
    const file = path.join(folder, path.normalize(pathname));
    const found = await stat(file).catch(() => undefined);
    if (!found?.isFile()) return response.writeHead(404).end();
    response.setHeader('content-type', type);
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

/** Where pictures of pages are whose test failed. */
const PICTURES = fileURLToPath(new URL('../../../../target/pages', import.meta.url));
const BODY_LIMIT_MILLIS = 85_000;
const open = new Set();

/** A test's body that closes its pages at its end, and leaves a picture of each if it fails. */
export function pictured(body, limit = BODY_LIMIT_MILLIS) {
  return async (test) => {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`it took more than ${limit} ms`)), limit);
    });
    try {
      await Promise.race([body(test), late]);
    } catch (error) {
      await pictures(test.name).catch(console.error);
      throw error;
    } finally {
      clearTimeout(timer);
      await Promise.all([...open].map((page) => page.close()));
      open.clear();
    }
  };
}

async function pictures(name) {
  await mkdir(PICTURES, { recursive: true });
  await Promise.all([...open].map((page, number) => page.screenshot({
    path: path.join(PICTURES, `${name.replace(/\W+/g, '-')}-${number + 1}.png`), timeout: 5_000,
  })));
}

const PROGRAM = {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: FLAGS,
};

/** Chromium with a fresh profile on disk: what is off the record is stored otherwise. */
export async function browser({ args = [], ...options } = {}) {
  const profile = await mkdtemp(path.join(tmpdir(), 'gannet-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    ...PROGRAM, ...options, args: [...FLAGS, ...args],
  });
  return {
    profile,
    /** A page at `url`; what goes wrong in it is printed. */
    page: (url) => openPage(context, url),
    async close() {
      open.clear();
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/** A Chromium whose pages are off the record, as in a private window. */
export async function privateBrowser() {
  const program = await chromium.launch(PROGRAM);
  const context = await program.newContext();
  return { page: (url) => openPage(context, url), close: () => program.close() };
}

/**
 * Chromium with a page that nobody looks into: where something is attached, it is told of each message
 * of each WebSocket, contents and all, and that takes the renderer's time and memory.
 */
export async function unattended(url) {
  const profile = await mkdtemp(path.join(tmpdir(), 'gannet-chromium-'));
  const { executablePath, args } = PROGRAM;
  const program = spawn(executablePath, [...args, '--headless', `--user-data-dir=${profile}`, url], { stdio: 'ignore' });
  const ended = new Promise((resolve) => program.on('exit', resolve));
  return {
    profile,
    async close() {
      program.kill();
      await ended;
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function openPage(context, url) {
  const page = await context.newPage();
  open.add(page);
  page.on('pageerror', (error) => console.error('in the page:', error));
  page.on('console', (message) => console.log('in the page:', message.text()));
  await page.goto(url);
  return page;
}
