import type { PeerStats } from 'gannet';
import { fill, h, id, stranger, write } from '../dom.js';
import type { Download } from '../download.js';
import * as format from '../format.js';
import { sentence } from '../sentences.js';
import { tell } from './notes.js';

interface Column {
  title: string;
  /** What it is sorted by. */
  of(peer: PeerStats): string | number;
  text(peer: PeerStats): string;
  isText?: boolean;
}

/** Rows that are shown; the rest is only counted. */
const MAX_ROWS = 200;

const COLUMNS: Column[] = [
  { title: 'Address', of: (p) => p.name, text: (p) => p.name, isText: true },
  { title: 'Client', of: (p) => p.client ?? '', text: (p) => p.client ?? '–', isText: true },
  { title: 'In', of: (p) => p.download_bytes_per_second, text: (p) => rate(p.download_bytes_per_second) },
  { title: 'Out', of: (p) => p.upload_bytes_per_second, text: (p) => rate(p.upload_bytes_per_second) },
  { title: 'Received', of: (p) => p.downloaded_bytes, text: (p) => format.bytes(p.downloaded_bytes) },
  { title: 'Pieces', of: (p) => p.pieces_good, text: (p) => format.count(p.pieces_good) },
  { title: 'Failed', of: (p) => p.pieces_failed, text: (p) => format.count(p.pieces_failed) },
  { title: 'Latency', of: (p) => p.mean_latency_micros ?? Infinity, text: (p) => latency(p.mean_latency_micros) },
  { title: 'Score', of: (p) => p.score, text: (p) => String(p.score) },
  { title: 'State', of: (p) => stateOf(p), text: (p) => stateOf(p), isText: true },
];

const rate = (bytesPerSecond: number): string => (bytesPerSecond > 0 ? format.rate(bytesPerSecond) : '–');

const latency = (micros: number | null): string =>
  micros === null ? '–' : `${(micros / 1000).toFixed(micros < 10_000 ? 1 : 0)} ms`;

function stateOf(peer: PeerStats): string {
  if (peer.banned) return 'banned';
  if (!peer.connected) return peer.left ?? 'not connected';
  if (peer.kind === 'source') return 'source';
  return peer.peer_choking ? 'waiting for a turn' : 'sending';
}

/** Everybody who ever took part, sorted by whichever column is pressed. */
export function peers(download: Download, signal: AbortSignal): HTMLElement {
  let [sorted, descending] = [4, true];
  const body = h('tbody');
  const more = h('p', { class: 'muted', role: 'status' });
  const heads = COLUMNS.map((column, index) =>
    h('th', { scope: 'col', class: column.isText ? 'text' : null }, h('button', { type: 'button', onclick: () => sortBy(index) }, column.title)));

  function sortBy(index: number): void {
    descending = sorted === index ? !descending : !COLUMNS[index]!.isText;
    sorted = index;
    draw();
  }

  function draw(): void {
    heads.forEach((head, index) => {
      if (index === sorted) head.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    });
    const all = [...(download.stats?.peers ?? [])].sort(byColumn(COLUMNS[sorted]!, descending ? -1 : 1));
    reuse(body, all.slice(0, MAX_ROWS));
    write(more, all.length === 0 ? 'No peer yet.' : all.length > MAX_ROWS ? `and ${format.many(all.length - MAX_ROWS, 'more peer')}` : '');
  }

  download.follow(draw, signal);
  const table = h('table', {}, h('caption', { class: 'unseen' }, 'Peers'), h('thead', {}, h('tr', {}, ...heads)), body);
  return h('div', {},
    h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Table of peers' }, table), more, addPeer(download));
}

const byColumn = ({ of }: Column, sign: number) => (a: PeerStats, b: PeerStats): number => {
  const [left, right] = [of(a), of(b)];
  return sign * (left < right ? -1 : left > right ? 1 : 0);
};

/** Writes into the rows that there are: what somebody has selected stays selected. */
function reuse(body: HTMLTableSectionElement, all: PeerStats[]): void {
  while (body.rows.length > all.length) body.rows[body.rows.length - 1]!.remove();
  while (body.rows.length < all.length) {
    body.append(h('tr', {}, ...COLUMNS.map(({ isText }) => h('td', { class: isText ? 'text' : null }))));
  }
  all.forEach((peer, row) => COLUMNS.forEach((column, at) => {
    const cell = body.rows[row]!.cells[at]!;
    const text = column.text(peer);
    if (cell.textContent === text) return;
    fill(cell, column.isText ? stranger(text) : text);
  }));
}

function addPeer(download: Download): HTMLElement {
  const field = id('peer');
  const input = h('input', { id: field, placeholder: '198.51.100.7:6881', autocomplete: 'off', spellcheck: 'false' });
  const add = async (event: Event) => {
    event.preventDefault();
    try {
      await download.torrent?.addPeer(input.value.trim());
      tell(`${input.value.trim()} is tried.`);
      input.value = '';
    } catch (error) {
      const { what, todo } = sentence(error);
      tell(`${what} ${todo}`);
    }
  };
  return h('form', { class: 'inline', onsubmit: (event: Event) => void add(event) },
    h('label', { for: field }, 'Add a peer'), input, h('button', { type: 'submit' }, 'Add'));
}
