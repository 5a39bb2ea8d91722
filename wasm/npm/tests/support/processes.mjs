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

/** How often a process is looked at: Chromium sets back now and then what Linux counts as the most. */
const LOOK_MILLIS = 100;

/**
 * Watches the processes of a type from now on. `stop` answers with the most that one of them had
 * resident, in MiB: all of it, with what it maps of files and shares with others.
 */
export function watchMemory(profile, type) {
  let most = 0;
  const look = () => {
    for (const pid of processes(profile, type)) most = Math.max(most, field(pid, 'VmHWM') / 1024);
  };
  const timer = setInterval(() => {
    try {
      look();
    } catch { /* not begun yet */ }
  }, LOOK_MILLIS);
  return {
    stop() {
      clearInterval(timer);
      look();
      return most;
    },
  };
}
