// What the browser's processes take, as Linux counts it.
import { readFileSync, readdirSync } from 'node:fs';

const read = (pid, file) => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return ''; // it has ended since
  }
};
const field = (pid, name) => Number(read(pid, 'status').match(new RegExp(`^${name}:\\s+(\\d+)`, 'm'))?.[1] ?? 0);

/** The processes of a type that the Chromium with this profile has. */
export function processes(profile, type) {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number);
  const browser = pids.find((pid) => {
    const words = read(pid, 'cmdline').split('\0');
    return words.includes(`--user-data-dir=${profile}`) && !words.some((word) => word.startsWith('--type='));
  });
  const isBelow = (pid) => pid > 1 && (pid === browser || isBelow(field(pid, 'PPid')));
  const found = pids.filter((pid) => read(pid, 'cmdline').includes(`--type=${type}`) && isBelow(pid));
  if (found.length === 0) throw new Error(`Chromium has no process of type ${type}`);
  return found;
}

/** The most that any of these has had resident, in MiB. */
export const peakMebibytes = (pids) => Math.max(...pids.map((pid) => field(pid, 'VmHWM') / 1024));
