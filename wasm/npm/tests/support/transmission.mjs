// A Transmission on a host of its own, which finds peers through trackers and what connects to it.
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { THERE } from './network.mjs';
import { start } from './programs.mjs';

const PEER_PORT = 51_413;
const RPC_ADDR = '127.0.0.1:9091';
/** Several turns of its choker, which decides only every 10 s. */
const PATIENCE_MILLIS = 80_000;

/** Starts it, its settings below `folder`. */
export async function transmission(host, folder) {
  const home = path.join(folder, 'transmission');
  mkdirSync(home);
  writeFileSync(path.join(home, 'settings.json'), JSON.stringify({
    'dht-enabled': false,
    'lpd-enabled': false,
    'utp-enabled': false,
    'port-forwarding-enabled': false,
    'peer-port': PEER_PORT,
    'rpc-bind-address': '127.0.0.1',
    preallocation: 0,
  }));
  const program = start(...host.on('transmission-daemon', '--foreground', '--config-dir', home), {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const remote = async (...words) => {
    const { stdout } = await promisify(execFile)(...host.on('transmission-remote', RPC_ADDR, ...words));
    return stdout;
  };
  const until = async (what, is) => {
    let last;
    for (const end = Date.now() + PATIENCE_MILLIS; Date.now() < end; await sleep(200)) {
      last = await remote('--list').catch(String);
      if (is(last)) return;
    }
    throw new Error(`Transmission: never ${what}\n${last}`);
  };
  await until('there', (list) => list.includes('Sum:'));
  return {
    addr: `${THERE}:${PEER_PORT}`,
    kill: program.kill,
    /** Adds a .torrent or a magnet link. */
    add: (source, into) => remote('--add', source, '--download-dir', into),
    /** Waits until it has everything of the torrents with these names. */
    complete: (...names) => until('complete', (list) => names.every((name) =>
      list.split('\n').some((line) => line.includes(' 100% ') && line.endsWith(` ${name}`)))),
  };
}
