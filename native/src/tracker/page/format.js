// Numbers and times as a person reads them.

const whole = new Intl.NumberFormat("en");
const UNITS = ["KiB", "MiB", "GiB", "TiB", "PiB"];

export const count = (number) => whole.format(number);

export function bytes(size) {
  if (size < 1024) return `${size} B`;
  let unit = -1;
  do {
    size /= 1024;
    unit += 1;
  } while (size >= 999.95 && unit + 1 < UNITS.length);
  return `${size < 99.95 ? Number(size.toFixed(1)) : Math.round(size)} ${UNITS[unit]}`;
}

export function duration(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

export const ago = (seconds) => (seconds < 5 ? "just now" : `${duration(seconds)} ago`);

export const plural = (number, one, many) => `${count(number)} ${number === 1 ? one : many}`;
