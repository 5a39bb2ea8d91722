import type { App } from '../app.js';
import type { Download } from '../download.js';
import { fill, h, id, show, svg } from '../dom.js';
import { type Lead, readHash, readText, readToken } from '../link.js';
import { openAdd } from './add.js';
import { card } from './card.js';
import { chooser, sharer } from './choose.js';
import { acceptDrops } from './drop.js';
import { hostList } from './host.js';
import { notes, tell } from './notes.js';
import { openSeed } from './seed.js';
import { openSettings } from './settings.js';

/** The whole page. */
export function page(app: App): void {
  const list = h('section', { class: 'list', 'aria-label': 'Downloads' });
  const begin = h('section', { class: 'begin', 'aria-label': 'Add' }, welcome(), entry(app));
  document.body.append(
    header(app), h('main', {}, begin, list, hostList(app)), notes(),
    acceptDrops((files) => takeFiles(app, files), (text) => takeText(app, text)));
  keepList(app, list, begin);
  const openHash = () => takeHash(app);
  addEventListener('hashchange', openHash);
  addEventListener('beforeunload', (event) => {
    // The browser asks whether to leave, in its own words.
    if (app.downloads.list.some(({ isLostWithTab }) => isLostWithTab)) event.preventDefault();
  });
  app.addEventListener('server', openHash, { once: true });
}

function header(app: App): HTMLElement {
  const mark = svg('svg', { viewBox: '0 0 32 32', class: 'mark', 'aria-hidden': 'true' },
    svg('path', { class: 'bird', d: 'M3 9c5-4 11-4 14 0l12 3.500-11 1C17.500 19 15 23 15.500 29 10.500 26.500 7 22 7 16.500 7 13.500 5.500 11 3 9z' }),
    svg('path', { class: 'head', d: 'M3 9c5-4 11-4 14 0l.8 4.500C13 14.500 7 13.500 3 9z' }));
  return h('header', {}, h('h1', { class: 'brand' }, mark, 'Gannet'),
    h('button', { class: 'quiet', type: 'button', onclick: () => openSettings(app) }, 'Settings'));
}

const welcome = (): HTMLElement => h('div', { class: 'welcome' },
  h('h2', { class: 'lead' }, 'Download with others, in this tab.'),
  h('p', {}, 'Drop a torrent anywhere, or paste a link. Drop ordinary files to share them from here.'));

/** One field for all that can be pasted, and two ways to choose files. */
function entry(app: App): HTMLElement {
  const [field, fault] = [id('link'), id('fault')];
  const input = h('input', {
    id: field, autocomplete: 'off', spellcheck: 'false', enterkeyhint: 'go', 'aria-describedby': fault,
    placeholder: 'magnet:?xt=… or https://…/file.torrent',
  });
  const wrong = h('p', { id: fault, class: 'fault', role: 'alert' });
  const open = (event: Event) => {
    event.preventDefault();
    const lead = readText(input.value);
    fill(wrong, lead ? null : 'This is neither a magnet link, nor an address, nor an info hash.');
    input.setAttribute('aria-invalid', String(!lead));
    if (!lead) return input.focus();
    input.value = '';
    openAdd(app, lead);
  };
  return h('div', { class: 'entry' },
    h('form', { class: 'joined', onsubmit: open },
      h('label', { for: field, class: 'unseen' }, 'Magnet link, address of a .torrent, or info hash'), input,
      h('button', { class: 'primary', type: 'submit' }, 'Open')),
    wrong,
    h('p', { class: 'choices' },
      chooser('Choose a .torrent', { accept: '.torrent,application/x-bittorrent', multiple: true }, (files) => takeFiles(app, files)),
      sharer('Share files', { multiple: true }, (files) => openSeed(app, files)),
      sharer('Share a folder', { webkitdirectory: true }, (files) => openSeed(app, files))));
}

/** One card for each download, in the list's order; those that stay are left alone. */
function keepList(app: App, list: HTMLElement, begin: HTMLElement): void {
  const cards = new Map<Download, { element: HTMLElement; gone: AbortController }>();
  const update = () => {
    for (const [download, { element, gone }] of cards) {
      if (app.downloads.list.includes(download)) continue;
      gone.abort();
      element.remove();
      cards.delete(download);
    }
    app.downloads.list.forEach((download, at) => {
      if (cards.has(download)) return;
      const gone = new AbortController();
      const element = card(app, download, gone.signal);
      cards.set(download, { element, gone });
      list.insertBefore(element, list.children[at] ?? null);
    });
    begin.classList.toggle('small', cards.size > 0);
    show(list, cards.size > 0);
  };
  app.downloads.addEventListener('change', update);
  update();
}

function takeFiles(app: App, files: File[]): void {
  const torrents = files.filter(({ name }) => name.toLowerCase().endsWith('.torrent'));
  if (torrents.length === 0) return openSeed(app, files);
  // Dialogs stand on each other: the first is decided first.
  for (const file of [...torrents].reverse()) void openFile(app, file);
}

async function openFile(app: App, file: File): Promise<void> {
  const content = new Uint8Array(await file.arrayBuffer());
  openAdd(app, { kind: 'torrent', name: file.name, content, relays: [] });
}

function takeText(app: App, text: string): void {
  const lead = readText(text);
  if (lead) openAdd(app, lead);
  else tell('What was dropped is neither a torrent nor a link to one.');
}

/** A link that carries a download, or a token; the address loses it: a reload doesn't ask again, and nobody reads the token there. */
function takeHash(app: App): void {
  const [token, lead]: [string | null, Lead | null] = [readToken(location.hash), readHash(location.hash)];
  if (token === null && !lead) return;
  history.replaceState(null, '', `${location.pathname}${location.search}`);
  if (token !== null && app.host.setToken(token)) tell('This tab can manage the server now: it knows the token until it is closed.');
  if (lead) openAdd(app, lead);
}
