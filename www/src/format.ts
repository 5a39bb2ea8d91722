const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** As people and shops count: 1 MB is a million bytes. */
export function bytes(count: number): string {
  let unit = 0;
  let value = count;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  if (unit === 0) return count === 1 ? '1 byte' : `${count} bytes`;
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

export const rate = (bytesPerSecond: number): string => `${bytes(bytesPerSecond)}/s`;

/** Rounded down: nothing is at 100 % before it is all there. */
export function percent(part: number, whole: number): string {
  return whole > 0 ? `${Math.floor((part / whole) * 1000) / 10} %` : '100 %';
}

/** How long, to the two largest units. */
export function duration(seconds: number): string {
  const total = Math.max(0, Math.round(seconds));
  const parts: [number, string][] = [
    [Math.floor(total / 86_400), 'd'],
    [Math.floor(total / 3600) % 24, 'h'],
    [Math.floor(total / 60) % 60, 'min'],
    [total % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return '0 s';
  const told = parts.slice(first, first + 2).filter(([count]) => count > 0);
  return told.map(([count, unit]) => `${count} ${unit}`).join(' ');
}

const NUMBERS = new Intl.NumberFormat('en');
export const count = (number: number): string => NUMBERS.format(number);

/** “1 peer”, “2 peers”. */
export const many = (number: number, word: string): string =>
  `${count(number)} ${word}${number === 1 ? '' : 's'}`;

export const clockTime = (millis: number): string =>
  new Date(millis).toLocaleTimeString('en-GB');
