import type { App } from '../app.js';
import { PIECE_HAVE, type DescribedFile } from 'gannet';
import { h, id, show, stranger, write } from '../dom.js';
import type { Download } from '../download.js';
import * as format from '../format.js';
import { previewable } from '../kinds.js';
import { saveFile } from '../save.js';
import { openPreview } from './preview.js';

/** Rows that are made; a longer list is cut, and says so. */
const MAX_ROWS = 500;

/** The files of a download: choose, watch, save each. */
export function files(app: App, download: Download, signal: AbortSignal): HTMLElement {
  const all = download.description?.files ?? [];
  download.watched = true;
  signal.addEventListener('abort', () => (download.watched = false));
  const rows = all.slice(0, MAX_ROWS).map((file, index) => row(app, download, file, index, signal));
  const more = all.length - rows.length;
  return h('div', {}, h('ul', { class: 'rows' }, ...rows), more > 0 && h('p', { class: 'muted' }, `and ${format.many(more, 'file')} more`));
}

function row(app: App, download: Download, file: DescribedFile, index: number, signal: AbortSignal): HTMLElement {
  const name = file.path.at(-1) ?? '';
  // The torrent's own folder is its title already.
  const shown = file.path.slice(file.path.length > 1 ? 1 : 0).join(' / ');
  const verb = previewable(name)?.verb ?? '';
  const box = h('input', { type: 'checkbox', id: id('want'), onchange: () => choose() });
  const state = h('span', { class: 'muted' });
  const torrentFile = () => download.torrent?.files[index];
  const save = h('button', {
    type: 'button', 'aria-label': `Save ${name}`, onclick: () => { const it = torrentFile(); if (it) void saveFile(it); },
  }, 'Save');
  const open = h('button', {
    type: 'button', 'aria-label': `${verb} ${name}`,
    onclick: () => { const it = torrentFile(); if (it) openPreview(download, it); },
  }, verb);
  const choose = () => {
    const chosen = new Set(download.record.files ?? download.description?.files.map((_, n) => n));
    if (box.checked) chosen.add(index);
    else chosen.delete(index);
    void app.downloads.select(download, [...chosen].sort((a, b) => a - b));
  };
  download.follow(() => {
    const wanted = download.record.files?.includes(index) ?? true;
    const share = haveOf(download, file);
    box.checked = wanted;
    box.disabled = download.isOwn || download.phase !== 'running';
    write(state, wanted ? `${format.bytes(file.length)} · ${format.percent(share, 1)}` : `${format.bytes(file.length)} · not chosen`);
    show(save, wanted && download.phase === 'running' && !download.isOwn);
    show(open, wanted && download.phase === 'running' && verb !== '');
  }, signal);
  return h('li', { class: 'row' }, box, h('label', { for: box.id }, stranger(shown)), state, h('span', { class: 'row-buttons' }, open, save));
}

/** Which share of a file's pieces is here. */
function haveOf(download: Download, { offset, length }: DescribedFile): number {
  const { pieces, description } = download;
  if (download.isComplete || length === 0) return 1;
  if (!description || pieces.length === 0) return 0;
  const first = Math.floor(offset / description.pieceLength);
  const last = Math.floor((offset + length - 1) / description.pieceLength);
  let have = 0;
  for (let piece = first; piece <= last; piece += 1) if (pieces[piece] === PIECE_HAVE) have += 1;
  return have / (last - first + 1);
}
