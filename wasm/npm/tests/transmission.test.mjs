// Pages in Chromium and Transmission, through `gannet relay`. Transmission refuses peers on
// loopback, so it has a host of its own.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { browser, pictured, serve } from './support/browser.mjs';
import { CIDR, HERE, host as makeHost } from './support/network.mjs';
import * as programs from './support/programs.mjs';
import { download, magnetOf, modules, sha256, shares } from './support/shared.mjs';
import { payload } from './support/torrents.mjs';
import { transmission as startTransmission } from './support/transmission.mjs';

const LIMIT = { timeout: 120_000 };
const BODY_LIMIT_MILLIS = 115_000;
const folder = mkdtempSync(path.join(tmpdir(), 'gannet-transmission-'));
const routes = {};
let chromium, host, relay, server, share, tracker, transmission;

before(async () => {
  host = makeHost();
  server = await serve(modules(folder), routes);
  chromium = await browser();
  tracker = await programs.tracker(`${HERE}:0`);
  // Pages come to it over loopback, as through a reverse proxy; peers don't.
  relay = await programs.relay('--public-addr', HERE, '--allow-cidr', CIDR);
  transmission = await startTransmission(host, folder);
  share = shares(folder, routes, tracker.url);
}, LIMIT);

after(async () => {
  programs.endAll();
  await chromium?.close();
  await server?.close();
  host?.remove();
  rmSync(folder, { recursive: true, force: true });
});

test('a page downloads from Transmission, by .torrent and by magnet link', LIMIT, pictured(async () => {
  const kinds = [
    [share.single('file from transmission', 20), (shared) => `/${shared.name}.torrent`],
    [share.multi('folder from transmission', 21), magnetOf],
  ];
  for (const [shared] of kinds) await transmission.add(shared.torrent, shared.parent);
  await transmission.complete(...kinds.map(([{ name }]) => name));
  await Promise.all(kinds.map(async ([shared, input]) => {
    const page = await chromium.page(server.url);
    const got = await download(page, await input(shared), {
      relays: [relay.url], storage: 'memory', peers: [transmission.addr],
    });
    assert.deepEqual(got.hashes, shared.hashes);
    assert.match(got.stats.peers.find((peer) => peer.pieces_good > 0).client, /^Transmission/);
    }));
}, BODY_LIMIT_MILLIS));

test('a page seeds to Transmission, which finds it through the tracker and connects', LIMIT, pictured(async () => {
  const bytes = payload(2_500_000, 25);
  routes['/given'] = bytes;
  const page = await chromium.page(server.url);
  const magnet = await page.evaluate(async ([relays, trackers]) => {
    const { Client } = await import('/index.js');
    globalThis.client = new Client({ relays });
    const blob = await (await fetch('/given')).blob();
    globalThis.torrent = await client.seed(new File([blob], 'to transmission'), { trackers });
    return torrent.magnet;
  }, [[relay.url], [tracker.url]]);
  await programs.announced(tracker.url, magnet);
  const into = path.join(folder, 'got');
  mkdirSync(into);
  await transmission.add(magnet, into);
  await transmission.complete('to transmission');
  assert.equal(sha256(readFileSync(path.join(into, 'to transmission'))), sha256(bytes));
  const { uploaded_bytes } = await page.evaluate(() => torrent.stats());
  assert.ok(uploaded_bytes >= bytes.length, `${uploaded_bytes}`);
}, BODY_LIMIT_MILLIS));
