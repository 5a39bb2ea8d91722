// A tracker, a relay and seeders, as processes on loopback, and what they share.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as programs from '../../../wasm/npm/tests/support/programs.mjs';
import { magnetOf, sha256 } from '../../../wasm/npm/tests/support/shared.mjs';
import { payload } from '../../../wasm/npm/tests/support/torrents.mjs';

export { payload, sha256 };

/** Starts all of it; `share` adds a torrent with its seeder. */
export async function swarm() {
  const folder = mkdtempSync(path.join(tmpdir(), 'gannet-page-'));
  const tracker = await programs.tracker();
  const relay = await programs.relay();

  /** Seeds files, given by path below the torrent's own folder, or one file by its name. */
  async function share(name, files, { pieceLength = 65_536, limit, announce = true } = {}) {
    const parent = path.join(folder, `shared ${name.replace(/\W/g, '-')}`);
    for (const [file, bytes] of Object.entries(files)) {
      const place = path.join(parent, file);
      mkdirSync(path.dirname(place), { recursive: true });
      writeFileSync(place, bytes);
    }
    const torrent = path.join(folder, `${name.replace(/\W/g, '-')}.torrent`);
    const trackers = announce ? ['--tracker', tracker.url] : [];
    programs.create(path.join(parent, name), torrent, ...trackers, '--piece-length', `${pieceLength}`);
    const shared = { name, torrent, parent, limit, magnet: await magnetOf({ torrent }), content: readFileSync(torrent) };
    shared.addr = await seedAgain(shared);
    if (announce) await programs.announced(tracker.url, shared.magnet);
    return shared;
  }

  /** One more seeder of what is shared; its address. */
  async function seedAgain({ torrent, parent, limit }) {
    const flags = limit ? ['--max-upload', limit] : [];
    const seeder = programs.gannet('seed', torrent, '-o', parent, '--listen', '127.0.0.1:0', '--json', ...flags);
    const rest = await seeder.line('{"schema":1,"event":"listening","addr":"');
    return rest.split('"')[0];
  }

  return {
    tracker, relay, share, seedAgain, folder,
    /** What a server of the page says of itself. */
    config: (torrents = []) => JSON.stringify({
      version: '0', relays: [relay.url], trackers: [tracker.url], torrents,
    }),
    close() {
      programs.endAll();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A .torrent of which there is no data: only its hashes, names and sizes. */
export function forged(name, count, hashes, pieceLength = 16_384) {
  const text = (value) => Buffer.concat([Buffer.from(`${Buffer.from(value).length}:`), Buffer.from(value)]);
  return Buffer.concat([
    Buffer.from(`d4:infod6:lengthi${count * pieceLength}e4:name`), text(name),
    Buffer.from(`12:piece lengthi${pieceLength}e6:pieces`), text(hashes), Buffer.from('ee'),
  ]);
}

/** The same for a folder of small files with any names at all. */
export function forgedFolder(name, names, tracker) {
  const text = (value) => `${Buffer.byteLength(value)}:${value}`;
  const files = names.map((file) => `d6:lengthi10e4:pathl${text(file)}ee`).join('');
  const info = `d5:filesl${files}e4:name${text(name)}12:piece lengthi16384e6:pieces${text('0'.repeat(20))}e`;
  return Buffer.from(`d8:announce${text(tracker)}4:info${info}e`);
}
