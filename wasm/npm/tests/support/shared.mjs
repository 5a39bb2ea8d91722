// What programs share, and how pages download it.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as programs from './programs.mjs';
import { payload } from './torrents.mjs';

export const PIECE_BYTES = 64 * 1024;

const DIST = fileURLToPath(new URL('../../dist', import.meta.url));

/** The modules that a page imports: of the packed package where there is one, unpacked into `folder`. */
export function modules(folder) {
  const { GANNET_TARBALL: tarball } = process.env;
  if (!tarball) return DIST;
  execFileSync('tar', ['-xzf', tarball, '-C', folder]);
  return path.join(folder, 'package/dist');
}

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Makes payloads below `folder`, of a file or several, and puts their .torrents into `routes`. */
export function shares(folder, routes, announce) {
  function share(name, files) {
    const parent = path.join(folder, `shared ${name}`);
    for (const [file, bytes] of Object.entries(files)) {
      const place = path.join(parent, file);
      mkdirSync(path.dirname(place), { recursive: true });
      writeFileSync(place, bytes);
    }
    const torrent = path.join(folder, `${name}.torrent`);
    programs.create(path.join(parent, name), torrent, '--tracker', announce, '--piece-length', `${PIECE_BYTES}`);
    routes[`/${name}.torrent`] = readFileSync(torrent);
    return { name, parent, torrent, hashes: Object.values(files).map(sha256).sort() };
  }
  return {
    single: (name, seed, length = 3_000_001) => share(name, { [name]: payload(length, seed) }),
    multi: (name, seed) => share(name, {
      [`${name}/a.bin`]: payload(700_000, seed),
      [`${name}/sub/b.bin`]: payload(1_300_001, seed + 1),
      [`${name}/sub/tiny`]: payload(5, seed + 2),
    }),
  };
}

/** The link to what is shared. */
export async function magnetOf(shared) {
  const program = programs.gannet('info', '--json', shared.torrent);
  const line = await program.line('  "magnet": ');
  return JSON.parse(line.replace(/,$/, ''));
}

/** Downloads in a page; the files' hashes, sorted, and the statistics. */
export function download(page, input, options) {
  return page.evaluate(async ([input, options]) => {
    const { Client } = await import('/index.js');
    const { relays, storage, ...more } = options;
    const client = new Client({ relays, storage });
    globalThis.client = client;
    const source = input.startsWith('magnet:') ? input : new URL(input, location.href);
    const torrent = await client.add(source, more);
    globalThis.torrent = torrent;
    await torrent.done;
    const hashes = [];
    for (const file of torrent.files) {
      const bytes = await (await file.blob()).arrayBuffer();
      const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
      hashes.push([...hash].map((n) => n.toString(16).padStart(2, '0')).join(''));
    }
    return { hashes: hashes.sort(), stats: await torrent.stats() };
  }, [input, options]);
}
