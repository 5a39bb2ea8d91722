import type { App } from '../app.js';
import { fill, h, id, show, stranger, write } from '../dom.js';
import type { Download } from '../download.js';
import * as format from '../format.js';
import { saveAll } from '../save.js';
import { chooseFiles } from './choose.js';
import { details } from './details.js';
import { problem } from './notes.js';
import { openRemove } from './remove.js';
import { openShare } from './share.js';

/** One download in the list. */
export function card(app: App, download: Download, signal: AbortSignal): HTMLElement {
  const name = id('name');
  const bar = h('div', { class: 'bar-fill' });
  const progress = h('div', {
    class: 'bar', role: 'progressbar', 'aria-labelledby': name, 'aria-valuemin': 0, 'aria-valuemax': 100,
  }, bar);
  const status = h('p', { class: 'status' });
  const figure = h('p', { class: 'figure' });
  const trouble = h('div');
  const element = h('article', { class: 'card', 'aria-labelledby': name },
    h('div', { class: 'card-head' },
      h('h2', { id: name, class: 'title' }, stranger(download.name, { class: 'clamped' })), figure),
    progress, status, trouble,
    actions(app, download, signal),
    details(app, download, signal));
  let told = '';
  download.follow(() => {
    const { part, whole } = shareDone(download);
    const done = format.percent(part, whole);
    write(figure, done);
    progress.setAttribute('aria-valuenow', String(whole > 0 ? Math.floor((part / whole) * 100) : 0));
    progress.setAttribute('aria-valuetext', `${done}, ${headline(download)}`);
    bar.style.transform = `scaleX(${whole > 0 ? part / whole : 0})`;
    element.dataset.state = stateOf(download);
    write(status, headline(download));
    const now = JSON.stringify(download.problem ?? null);
    if (now !== told) fill(trouble, download.problem && problem(download.problem));
    told = now;
  }, signal);
  return element;
}

/** By asking the browser, where it knows the files; else the person. */
function shareAgain({ downloads }: App, download: Download): void {
  const { record, description } = download;
  if (record.own?.kept === 'handles') return void downloads.shareAgain(download, null);
  const isFolder = record.own?.name === undefined && (description?.files.length ?? 0) > 1;
  chooseFiles({ multiple: true, webkitdirectory: isFolder }, (files) => void downloads.shareAgain(download, files));
}

/** The word that the look goes by. */
function stateOf({ phase, stats, isComplete }: Download): string {
  if (phase !== 'running') return phase;
  return isComplete && stats?.state !== 'paused' ? 'complete' : stats?.state ?? 'starting';
}

/** What is done, of what: bytes, or pieces while they are checked. */
function shareDone({ stats, phase }: Download): { part: number; whole: number } {
  if (!stats || phase !== 'running') return { part: 0, whole: 1 };
  if (stats.state === 'checking') return { part: stats.pieces_checked, whole: stats.pieces };
  return { part: stats.have_bytes, whole: stats.wanted_bytes };
}

/** How it is, in a line. */
function headline(download: Download): string {
  const { phase, stats } = download;
  if (phase === 'elsewhere' && download.isOwn) return 'Another tab shares this. It goes on here when that one is closed.';
  if (phase === 'elsewhere') return 'Another tab is downloading this. It goes on here when that one is closed.';
  if (phase === 'asking') return asking(download);
  if (phase === 'failed') return 'It could not begin.';
  if (!stats || phase === 'starting') return 'Starting…';
  const of = `${format.bytes(stats.have_bytes)} of ${format.bytes(stats.wanted_bytes)}`;
  switch (stats.state) {
    case 'metadata': return 'Asking peers what is in it…';
    case 'checking': return 'Checking what is here already…';
    case 'storage_error': return `Waiting for storage · ${of}`;
    case 'paused': return `Paused · ${of}`;
    case 'seeding': return seeding(download);
    case 'downloading': return downloading(download, of);
  }
}

/** What was shared before the page was closed, and can't be without the person. */
function asking({ record: { own } }: Download): string {
  return own?.kept === 'handles'
    ? 'Not shared since the page was closed: the browser asks again before it lets the page read the files.'
    : 'Not shared since the page was closed: this browser can’t keep these files. Choose them again to go on.';
}

function downloading({ stats, isComplete, isOwn }: Download, of: string): string {
  if (!stats || isComplete) return of;
  if (isOwn) return `Shared from this tab while it is open · copying, ${of}`;
  const peers = stats.peers.filter((peer) => peer.connected).length;
  if (peers === 0) return `${of} · looking for peers`;
  const left = stats.eta_seconds === null ? '' : ` · ${format.duration(stats.eta_seconds)} left`;
  return `${of} · ${format.rate(stats.download_bytes_per_second)}${left} · ${format.many(peers, 'peer')}`;
}

function seeding({ stats, isOwn }: Download): string {
  if (!stats) return '';
  const what = isOwn ? 'Shared from this tab while it is open' : 'Complete, and shared with others';
  const { uploaded_bytes: sent, upload_bytes_per_second: rate, peers_connected: peers } = stats;
  const words = [
    what, format.bytes(stats.have_bytes), sent > 0 && `${format.bytes(sent)} sent`, rate > 0 && format.rate(rate),
    peers > 0 && format.many(peers, 'peer'),
  ];
  return words.filter(Boolean).join(' · ');
}

function actions(app: App, download: Download, signal: AbortSignal): HTMLElement {
  const { downloads } = app;
  const button = (text: string, act: () => void, props = {}) =>
    h('button', { type: 'button', onclick: act, 'aria-label': `${text} ${download.name}`, ...props }, text);
  const save = button('Save', () => void saveAll(download), { class: 'primary' });
  const pause = button('Pause', () => void downloads.pause(download));
  const resume = button('Resume', () => void downloads.resume(download));
  const retry = button('Try again', () => downloads.retry(download));
  const again = button('Share again', () => shareAgain(app, download), { class: 'primary' });
  const share = button('Share', () => openShare(app, download));
  const remove = button('Remove', () => openRemove(app, download));
  download.follow(() => {
    const { phase, stats, isComplete, isOwn } = download;
    const running = phase === 'running' && stats !== undefined;
    const paused = stats?.state === 'paused';
    show(save, running && isComplete && !isOwn);
    show(pause, running && !paused);
    show(resume, running && paused);
    show(retry, phase === 'failed');
    show(again, phase === 'asking');
    show(share, running);
    show(remove, phase !== 'elsewhere');
  }, signal);
  return h('div', { class: 'buttons' }, save, pause, resume, retry, again, share, remove);
}
