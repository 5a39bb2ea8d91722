import { PIECE_HAVE, PIECE_IN_FLIGHT, PIECE_UNWANTED } from 'gannet';
import { fill, h, id, stranger, write } from '../dom.js';
import type { Download } from '../download.js';
import * as format from '../format.js';
import { PieceMap, hueOf, palette } from './piece-map.js';

/** Senders that the legend names. */
const MAX_LEGEND = 8;

/** The map of pieces, what its colours mean, and the same in words. */
export function pieces(download: Download, signal: AbortSignal): HTMLElement {
  download.watched = true;
  signal.addEventListener('abort', () => (download.watched = false));
  const summary = h('p', { class: 'muted', id: id('summary') });
  const canvas = h('canvas', { class: 'map', role: 'img', 'aria-label': 'Map of pieces', 'aria-describedby': summary.id });
  const pointed = h('p', { class: 'muted pointed' });
  const bySender = h('input', { type: 'checkbox', id: id('by'), onchange: () => draw() });
  const legend = h('ul', { class: 'legend' });
  const map = new PieceMap(canvas);
  let colours = palette(canvas);

  const draw = () => {
    const { pieces, brought, stats } = download;
    map.draw({ pieces, seeds: stats?.seeds_connected ?? 0, brought: bySender.checked ? brought : null }, colours);
    write(summary, inWords(download));
    fill(legend, ...(bySender.checked ? senders(download) : meanings()));
  };
  const follow = () => requestAnimationFrame(() => !signal.aborted && canvas.isConnected && draw());
  const resized = new ResizeObserver(follow);
  resized.observe(canvas);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', () => { colours = palette(canvas); draw(); }, { signal });
  signal.addEventListener('abort', () => resized.disconnect());
  canvas.addEventListener('pointermove', (event) => write(pointed, about(download, map.pieceAt(event))), { signal });
  canvas.addEventListener('pointerleave', () => write(pointed, ''), { signal });
  // The colours are known once it is in the page.
  requestAnimationFrame(() => { colours = palette(canvas); draw(); });
  download.follow(follow, signal);
  return h('div', { class: 'map-view' }, canvas, legend, summary,
    h('p', { class: 'tick' }, bySender, h('label', { for: bySender.id }, 'Colour by who brought it')), pointed);
}

function inWords({ pieces, stats }: Download): string {
  let [have, flying, unwanted, rare] = [0, 0, 0, 0];
  for (const piece of pieces) {
    if (piece === PIECE_HAVE) have += 1;
    else if (piece === PIECE_IN_FLIGHT) flying += 1;
    else if (piece === PIECE_UNWANTED) unwanted += 1;
    else if (piece + (stats?.seeds_connected ?? 0) < 2) rare += 1;
  }
  const parts = [`${format.count(have)} of ${format.many(pieces.length, 'piece')} here`, `${format.count(flying)} in flight`];
  if (rare > 0) parts.push(`${format.count(rare)} that at most one connected peer has`);
  if (unwanted > 0) parts.push(`${format.count(unwanted)} not wanted`);
  return `${parts.join(', ')}.`;
}

function about({ pieces, brought, names, stats }: Download, piece: number | null): string {
  const state = piece === null ? undefined : pieces[piece];
  if (piece === null || state === undefined) return '';
  const name = names[(brought[piece] ?? 0) - 1];
  const here = name ? `here, from ${name}` : 'here';
  const known: { [state: number]: string } = {
    [PIECE_HAVE]: here, [PIECE_IN_FLIGHT]: 'in flight', [PIECE_UNWANTED]: 'not wanted',
  };
  const peers = format.many(state + (stats?.seeds_connected ?? 0), 'connected peer');
  return `Piece ${format.count(piece)}: ${known[state] ?? `missing; ${peers} can send it`}`;
}

const meanings = (): HTMLElement[] => [
  ['have', 'here'], ['flying', 'in flight'], ['common', 'missing'], ['rare', 'missing and rare'], ['unwanted', 'not wanted'],
].map(([swatch, meaning]) => h('li', {}, h('span', { class: `swatch ${swatch}` }), meaning));

function senders({ names }: Download): HTMLElement[] {
  const shown = names.slice(0, MAX_LEGEND).map((name, index) => {
    const swatch = h('span', { class: 'swatch' });
    swatch.style.background = `hsl(${hueOf(index + 1)} 45% 56%)`;
    return h('li', {}, swatch, stranger(name));
  });
  const more = names.length - shown.length;
  return more > 0 ? [...shown, h('li', {}, `and ${format.many(more, 'more peer')}`)] : shown;
}

