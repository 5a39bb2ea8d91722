// The programs of the ordinary swarm that pages meet: each ends with the test that started it.
import { spawn, execFileSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = (path) => fileURLToPath(new URL(`../../../../${path}`, import.meta.url));
const GANNET = process.env.GANNET_TEST_BINARY ?? root('target/debug/gannet');
const PYTHON = process.env.GANNET_TEST_PYTHON ?? root('target/tools/libtorrent/bin/python');
const LIBTORRENT = root('native/tests/interop/libtorrent_peer.py');
const START_LIMIT_MILLIS = 30_000;

const running = new Set();

/** Ends all that was started and is still there. */
export function endAll() {
  for (const child of running) child.kill('SIGKILL');
}

/** A running program, and a way to wait for what it prints. */
export function start(program, args, options = {}) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], ...options });
  running.add(child);
  const ended = new Promise((resolve) => child.on('exit', (code) => {
    running.delete(child);
    resolve(code);
  }));
  const lines = [];
  const waiting = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    for (const look of [...waiting]) look();
  });
  return {
    ended,
    kill: () => child.kill('SIGKILL'),
    /** The rest of the first line that starts with `prefix`. */
    line: (prefix) => new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${program} never said ${prefix}`)), START_LIMIT_MILLIS);
      const look = () => {
        const found = lines.find((line) => line.startsWith(prefix));
        if (found === undefined) return;
        clearTimeout(timer);
        waiting.splice(waiting.indexOf(look), 1);
        resolve(found.slice(prefix.length));
      };
      waiting.push(look);
      look();
      void ended.then((code) => {
        clearTimeout(timer);
        reject(new Error(`${program} ended with ${code} before it said ${prefix}`));
      });
    }),
  };
}

export const gannet = (...args) => start(GANNET, args);
export const libtorrent = (...args) => start(PYTHON, [LIBTORRENT, ...args]);
export const create = (path, torrent, ...flags) => {
  execFileSync(GANNET, ['create', path, '-o', torrent, ...flags]);
};

export async function tracker(addr = '127.0.0.1:0') {
  const program = gannet('tracker', '--http', addr);
  const rest = await program.line('http://');
  return { url: `http://${rest}`, addr: rest.split('/')[0] };
}

/** A relay for this machine's own addresses, where pages may be connected to. */
export async function relay(...flags) {
  const program = gannet(
    'relay', '--listen', '127.0.0.1:0', '--allow-cidr', '127.0.0.0/8', '--ports', '20000-60000',
    '--max-dials-per-target', '0', '--drain', '0s', ...flags,
  );
  return { url: `ws://${await program.line('ws://')}`, kill: program.kill };
}

/** Waits until the tracker has a seeder of a link's torrent (a scrape, BEP 48). */
export async function announced(url, magnet) {
  const [, hash] = magnet.match(/btih:([0-9a-f]{40})/);
  const scrape = `${url.replace('announce', 'scrape')}?info_hash=${hash.replace(/../g, '%$&')}`;
  for (const end = Date.now() + START_LIMIT_MILLIS; Date.now() < end; await sleep(50)) {
    const text = await (await fetch(scrape)).text();
    if (/8:completei[1-9]/.test(text)) return;
  }
  throw new Error('no seeder was announced');
}
