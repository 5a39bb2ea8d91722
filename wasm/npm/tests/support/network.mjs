// A host of its own on a wire to this machine: Transmission refuses peers on loopback.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const NET = '10.98.0';
/** This machine's address on the wire, and the network of both ends. */
export const HERE = `${NET}.1`;
export const THERE = `${NET}.2`;
export const CIDR = `${NET}.0/24`;

const ip = (words) => execFileSync('ip', words.split(' '), { encoding: 'utf8' });

/** Hosts of a test that was interrupted: its process is gone, they are not. */
function removeAbandoned() {
  for (const line of ip('netns list').split('\n')) {
    const [name, pid] = line.match(/^gannet-(\d+)-page\b/) ?? [];
    if (name && !existsSync(`/proc/${pid}`)) ip(`netns del ${name}`);
  }
}

/** The host, as the words that a command on it begins with. The wire goes with the host. */
export function host() {
  removeAbandoned();
  const name = `gannet-${process.pid}-page`;
  const wire = `gannet${process.pid}`.slice(0, 15);
  ip(`netns add ${name}`);
  try {
    ip(`link add ${wire} type veth peer name wire netns ${name}`);
    ip(`addr add ${HERE}/24 dev ${wire}`);
    ip(`link set ${wire} up`);
    ip(`-n ${name} addr add ${THERE}/24 dev wire`);
    ip(`-n ${name} link set wire up`);
    ip(`-n ${name} link set lo up`);
  } catch (error) {
    ip(`netns del ${name}`);
    throw error;
  }
  return {
    on: (...command) => ['ip', ['netns', 'exec', name, ...command]],
    remove: () => ip(`netns del ${name}`),
  };
}
