// The README's pages, with the packed package, in Chromium: plain, through Vite, through webpack.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import path from 'node:path';
import { browser, serve } from '../support/browser.mjs';
import { consumer, examples, lend, node, server, tool } from './consumer.mjs';
import { digest, swarm } from './swarm.mjs';

const LIMIT = { timeout: 120_000 };
const PAGE = `<!doctype html>
<title>test</title>
<video></video>
<script type="module" src="/app.js"></script>`;
const [page] = await examples('In a page', 'html');
const [code] = await examples('In a page', 'js');
let chromium;
let peers;

before(async () => {
  const folder = await consumer('seeder', {});
  await lend(folder, 'ws', path.resolve(import.meta.dirname, '../../node_modules'));
  const { Client } = await import(pathToFileURL(path.join(folder, 'node_modules/gannet/dist/node.js')));
  peers = await swarm(Client);
  chromium = await browser();
}, LIMIT);

after(async () => {
  await chromium?.close();
  await peers?.close();
});

/** Opens a page and waits for the video that it shows at the end; whether its bytes are right. */
async function downloads({ url, close }) {
  try {
    const tab = await chromium.page(url);
    const hash = await tab.evaluate(async () => {
      const video = document.querySelector('video');
      while (!video.src) await new Promise((resolve) => setTimeout(resolve, 50));
      const bytes = await (await fetch(video.src)).arrayBuffer();
      const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
      return [...hash].map((n) => n.toString(16).padStart(2, '0')).join('');
    });
    await tab.close();
    assert.equal(hash, digest);
  } finally {
    await close();
  }
}

/** A static server of a folder, whose index is a file like any other. */
async function statically(folder) {
  const { url, close } = await serve(folder);
  return { url: `${url}index.html`, close };
}

const bundled = (name) =>
  consumer(name, { 'index.html': PAGE, 'app.js': peers.here(code) });

test('a plain page with an import map downloads from a peer behind a relay', LIMIT, async () => {
  await downloads(await statically(await consumer('plain', { 'index.html': peers.here(page) })));
});

const dist = '/node_modules/gannet/dist';
const entries = [
  ['index', ''],
  ['slim', `{ wasm: new URL('${dist}/gannet.wasm', location.href) }`],
  ['inline', ''],
];
for (const [entry, options] of entries) {
  test(`a plain page with the entry ${entry} downloads from a function alone`, LIMIT, async () => {
    const imports = JSON.stringify({ imports: { gannet: `${dist}/${entry}.js` } });
    const map = `<script type="importmap">${imports}</script>`;
    const files = {
      'index.html': PAGE.replace('<video>', `${map}\n<video>`),
      'app.js': peers.here(code).replace('new Client()', `new Client(${options})`),
    };
    await downloads(await statically(await consumer(`plain-${entry}`, files)));
  });
}

for (const version of ['vite7', 'vite8']) {
  const vite = tool(`${version}/bin/vite.js`);
  const where = ['--host', '127.0.0.1', '--port', '0'];

  test(`${version} serves it to a developer, without a configuration`, LIMIT, async () => {
    await downloads(await server(await bundled(`${version}-dev`), vite, 'dev', ...where));
  });

  test(`${version} builds it, without a configuration`, LIMIT, async () => {
    const folder = await bundled(`${version}-build`);
    await node(folder, vite, 'build');
    await downloads(await server(folder, vite, 'preview', ...where));
  });
}

test('webpack builds it, without a configuration', LIMIT, async () => {
  const folder = await consumer('webpack', {
    'dist/index.html': PAGE.replace('/app.js', 'main.js'),
    'src/index.js': peers.here(code),
  });
  await node(folder, path.join(import.meta.dirname, 'webpack.mjs'));
  await downloads(await statically(path.join(folder, 'dist')));
});
