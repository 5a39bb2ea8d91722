// One download in a fresh Chromium with a profile on disk; prints what it took as a line of JSON.
//
//     node run.mjs ceiling|least|least-opfs|memory|opfs|web-seed|web-rtc OPTIONS
//
// OPTIONS is JSON: the paths `payload`, `torrent`, `package` and `chromium`, the URLs `socket`,
// `relay` and `tracker`, the `infoHash`, the length in `bytes`, and more `flags` for Chromium.
//
// Nothing is attached to the browser: whoever drives it through its debugging protocol is told of
// each message of each WebSocket, contents and all, and that took most of the time that was measured.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import Tracker from 'bittorrent-tracker/server';
import { serve } from './serve.mjs';

const LIMIT_MILLIS = 120_000;
const FLAGS = [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  // A tab may open another, and neither is the one in the background.
  '--disable-popup-blocking', '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows', '--disable-renderer-backgrounding',
  // Tabs of one machine find each other by addresses, not by names that only multicast resolves.
  '--disable-features=WebRtcHideLocalIpsWithMdns',
];

const contestants = {
  ceiling, least, 'least-opfs': least, memory: gannet, opfs: gannet, 'web-seed': webSeed, 'web-rtc': webRtc,
};
const [name, json] = process.argv.slice(2);
const options = JSON.parse(json);
const folders = [
  fileURLToPath(new URL('pages', import.meta.url)),
  fileURLToPath(new URL('node_modules/webtorrent/dist', import.meta.url)),
  path.dirname(options.payload), path.dirname(options.torrent), options.package,
];
const server = await serve(folders);
console.log(String(await run(await contestants[name]())));
process.exit();

/** Opens a tab; what it has measured. */
async function run(tab) {
  const profile = await mkdtemp(path.join(tmpdir(), 'chromium-'));
  const flags = [...FLAGS, ...(options.flags ?? []), `--user-data-dir=${profile}`];
  const browser = spawn(options.chromium, [...flags, tab], { stdio: 'ignore' });
  const ended = once(browser, 'exit');
  const late = new Promise((resolve) => setTimeout(resolve, LIMIT_MILLIS, '{"error":"too slow"}'));
  try {
    return await Promise.race([server.mail('result'), late]);
  } finally {
    browser.kill();
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

function tab(file, task, origin = server.origin) {
  return `${origin}/${file}#${encodeURIComponent(JSON.stringify(task))}`;
}

function url(file, origin = server.origin) {
  return `${origin}/${path.basename(file)}`;
}

function ceiling() {
  return tab('ceiling.html', { url: options.socket, bytes: options.bytes });
}

function least() {
  const { relay, tracker, torrent, infoHash, bytes } = options;
  const task = { relay, trackers: [tracker], torrent: url(torrent), infoHash, bytes, storage: name };
  return tab('least.html', task);
}

function gannet() {
  const { relay, torrent } = options;
  return tab('gannet.html', { torrent: url(torrent), relay, storage: name });
}

function webSeed() {
  const task = { torrent: url(options.torrent), webSeeds: [url(options.payload)] };
  return tab('webtorrent.html', task);
}

async function webRtc() {
  const tracker = new Tracker({ udp: false, http: false, ws: true, stats: false });
  tracker.listen(0, '127.0.0.1');
  await once(tracker, 'listening');
  const trackers = [`ws://127.0.0.1:${tracker.ws.address().port}`];
  // Another origin, with storage of its own: else a tab would find there what the other one shares.
  const { origin } = await serve(folders);
  const seed = { file: url(options.payload, origin), trackers, tell: `${server.origin}/mail/torrent` };
  const other = tab('webtorrent.html', { seed }, origin);
  return tab('webtorrent.html', { other, torrent: `${server.origin}/mail/torrent`, trackers });
}
