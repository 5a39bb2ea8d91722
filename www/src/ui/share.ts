import type { App } from '../app.js';
import { type Child, fill, h, id, svg } from '../dom.js';
import type { Download } from '../download.js';
import { linkTo } from '../link.js';
import { offerBlob } from '../save.js';
import { openDialog } from './dialog.js';
import { tell } from './notes.js';

/** What becomes of a share when the page is closed and opened again. */
const OUTLIVES = {
  copy: 'The browser keeps a copy: it is shared again as soon as this page is opened again.',
  handles: 'When this page is opened again, it goes on; the browser may ask whether it may read the files.',
  nothing: 'Closing the tab ends it: the browser keeps no way to these files, so choose them again then.',
};

/** Links that lead others to this torrent, as text, and as a code for a phone's camera. */
export function openShare(app: App, download: Download): void {
  const { torrent, record } = download;
  if (!torrent) return;
  const link = linkTo(torrent.magnet, record.relays);
  const code = h('div', { class: 'code' });
  void drawCode(code, link);
  openDialog('Share', () => [h('div', { class: 'dialog-body' },
    h('p', { class: 'muted' }, download.isComplete || download.isOwn
      ? 'Whoever opens this downloads from this tab while it is open, and from everybody else who has it.'
      : 'Whoever opens this downloads what this tab has already, and the rest from the others.'),
    record.own && h('p', { class: 'muted' }, OUTLIVES[download.storage === 'opfs' ? 'copy' : record.own.kept]),
    copyable('Link to a page', link),
    copyable('Magnet link', torrent.magnet),
    app.server.trackers.length === 0 && download.isOwn && h('p', { class: 'muted' },
      'No tracker is named, so only pages that use the same relay find this tab.'),
    code,
    h('div', { class: 'buttons' },
      h('button', { type: 'button', onclick: () => offerBlob(new Blob([record.torrent]), `${download.name}.torrent`) }, 'Save .torrent file'),
      h('button', { type: 'button', onclick: () => void exportStats(download) }, 'Save statistics')))]);
}

function copyable(title: string, text: string): Child {
  const field = id('link');
  const input = h('input', { id: field, readonly: true, onfocus: () => input.select() });
  input.value = text;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      tell(`${title} copied.`);
    } catch {
      input.select();
      tell('The browser didn’t let the page copy it: it is selected now, copy it with the keyboard.');
    }
  };
  return h('div', { class: 'field' }, h('label', { for: field }, title),
    h('div', { class: 'joined' }, input, h('button', { type: 'button', 'aria-label': `Copy ${title.toLowerCase()}`, onclick: () => void copy() }, 'Copy')));
}

/** The code's own module is loaded only when somebody wants to see one. */
async function drawCode(place: HTMLElement, text: string): Promise<void> {
  try {
    const { encode } = await import('uqr');
    const { data, size } = encode(text, { ecc: 'L', border: 2 });
    let path = '';
    data.forEach((row, y) => row.forEach((dark, x) => {
      if (dark) path += `M${x} ${y}h1v1h-1z`;
    }));
    const drawing = svg('svg', { viewBox: `0 0 ${size} ${size}`, role: 'img', 'aria-label': 'The link to a page as a QR code', 'shape-rendering': 'crispEdges' },
      svg('path', { d: path, fill: '#000' }));
    fill(place, drawing);
  } catch {
    // Longer than a code can be.
    fill(place, h('p', { class: 'muted' }, 'The link is too long for a QR code.'));
  }
}

/** The statistics in the schema that the command line prints. */
async function exportStats(download: Download): Promise<void> {
  const stats = await download.torrent?.stats();
  const json = JSON.stringify(stats, null, 2);
  offerBlob(new Blob([json]), `${download.name}.stats.json`);
}
