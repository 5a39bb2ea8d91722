import type { LogEntry } from 'gannet';
import { fill, h, id, stranger, write } from '../dom.js';
import type { Download } from '../download.js';
import * as format from '../format.js';

/** Lines that are shown, newest first. */
const MAX_LINES = 200;

const WORDS: { [kind in LogEntry['kind']]: (piece: number | null) => string } = {
  piece: (piece) => `piece ${piece} from`,
  bad_piece: (piece) => `piece ${piece} was corrupt, from`,
  retry: (piece) => `piece ${piece} is asked for again, not from`,
  joined: () => 'connected',
  left: () => 'left',
  banned: () => 'banned for corrupt data',
};

const KINDS: { [name: string]: LogEntry['kind'][] } = {
  Everything: ['piece', 'bad_piece', 'retry', 'joined', 'left', 'banned'],
  Pieces: ['piece'],
  Peers: ['joined', 'left', 'banned'],
  Trouble: ['bad_piece', 'retry', 'banned'],
};

/** What happened, filtered by kind and by words. */
export function logView(download: Download, signal: AbortSignal): HTMLElement {
  const kinds = h('select', { id: id('kinds'), onchange: () => draw() }, ...Object.keys(KINDS).map((name) => h('option', {}, name)));
  const words = h('input', { id: id('words'), type: 'search', placeholder: 'piece or address', oninput: () => draw() });
  const list = h('ol', { class: 'log', tabindex: 0, 'aria-label': 'Log, newest first' });
  const told = h('p', { class: 'muted', role: 'status' });
  let [drawn, drawnOf] = [-1, ''];

  function draw(): void {
    const wanted = new Set(KINDS[kinds.value]);
    const search = words.value.trim().toLowerCase();
    const last = download.log.at(-1)?.at ?? 0;
    const filter = `${kinds.value} ${search}`;
    if (drawn === last + download.log.length && drawnOf === filter) return;
    [drawn, drawnOf] = [last + download.log.length, filter];
    const found: LogEntry[] = [];
    for (let at = download.log.length - 1; at >= 0 && found.length < MAX_LINES; at -= 1) {
      const entry = download.log[at]!;
      if (wanted.has(entry.kind) && textOf(entry).toLowerCase().includes(search)) found.push(entry);
    }
    fill(list, ...found.map(line));
    write(told, found.length === 0 ? 'Nothing yet.' : found.length === MAX_LINES ? `The last ${MAX_LINES} lines.` : '');
  }

  download.follow(draw, signal);
  return h('div', {},
    h('div', { class: 'inline' }, h('label', { for: kinds.id }, 'Show'), kinds, h('label', { for: words.id }, 'that mention'), words), list, told);
}

const textOf = ({ kind, piece, names }: LogEntry): string => `${WORDS[kind](piece)} ${names.join(', ')}`;

function line(entry: LogEntry): HTMLElement {
  const { at, kind, piece, names } = entry;
  const who = names.flatMap((name, index) => [index > 0 ? ', ' : '', stranger(name)]);
  const what = WORDS[kind](piece);
  const said = piece === null ? [...who, ` ${what}`] : [`${what} `, ...who];
  return h('li', { class: kind }, h('time', {}, format.clockTime(at)), h('span', {}, ...said));
}
