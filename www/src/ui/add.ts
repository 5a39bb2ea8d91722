// From a lead to a download, with the person's consent before anybody is contacted.
import type { App } from '../app.js';
import { type Room, room } from '../clients.js';
import type { Shared } from '../config.js';
import { type Child, fill, h, id, show, stranger, write } from '../dom.js';
import * as format from '../format.js';
import { type Lead, isRelay, readAddress } from '../link.js';
import { type Found, scout } from '../scout.js';
import { sentence } from '../sentences.js';
import { ChooseFiles } from './choose-files.js';
import { type Opened, openDialog } from './dialog.js';
import { problem, tell } from './notes.js';

/** Trackers that are shown by name; the others are only counted. */
const MAX_SHOWN = 5;

const WATCH_MILLIS = 500;
/** After so long somebody should have answered. */
const PATIENCE_MILLIS = 15_000;
const NOBODY = {
  what: 'Nobody has answered yet.',
  todo: 'Somebody who has it must be online. Keep this open to go on waiting, or look for another link.',
};

/** Opens the dialog for a lead: first what it would contact, unless its bytes are here already. */
export function openAdd(app: App, lead: Lead): void {
  void app.ready.then(() => begin(app, lead));
}

function begin(app: App, lead: Lead): void {
  const known = lead.kind === 'magnet' && app.downloads.find(lead.infoHash);
  if (known) return void tell('This torrent is in the list already.');
  const body = h('div', { class: 'dialog-body' });
  const opened = openDialog('Add a download', () => [body]);
  if (lead.kind === 'torrent' || isOffered(app, lead)) void look(app, lead, opened, body, relaysFor(app, lead));
  else ask(app, lead, opened, body);
}

/** Whether the server that gave this page offers it: what is in it is asked of nobody new. */
function isOffered(app: App, lead: Lead): boolean {
  if (lead.kind !== 'url' || lead.relays.length > 0) return false;
  const isIt = ({ url }: Shared) => readAddress(url)?.url === lead.url;
  return new URL(lead.url).origin === location.origin && app.host.torrents.some(isIt);
}

const relaysFor = (app: App, lead: Lead): string[] =>
  lead.relays.length > 0 ? lead.relays : app.relays;

/** What would be contacted; goes on only when the person says so. */
function ask(app: App, lead: Lead, opened: Opened, body: HTMLElement): void {
  const relays = relayField(relaysFor(app, lead));
  const go = () => {
    if (relays.check()) void look(app, lead, opened, body, relays.value());
  };
  fill(body,
    h('p', {}, 'Nothing has been contacted yet. To show what is in it, this page would ask:'),
    h('ul', { class: 'contacts' }, ...contacts(lead)),
    lead.kind === 'magnet' && relays.element,
    lead.relays.length > 0 && lead.kind === 'url' && h('p', { class: 'muted' }, `Peers would be reached through ${lead.relays.join(', ')}.`),
    buttons('Show what is in it', go, opened, lead.kind !== 'torrent' && hand(app, lead.kind === 'magnet' ? lead.magnet : lead.url, opened, body)));
  focusFirst(body);
}

/** Has the server download it in place of this tab, for who knows the server's token. */
function hand(app: App, what: string | Uint8Array, opened: Opened, body: HTMLElement): HTMLElement | null {
  if (app.host.token === null) return null;
  const act = async () => {
    try {
      await app.host.add(what);
      opened.close();
      tell('The server downloads it.');
    } catch (error) {
      if (!opened.signal.aborted) fill(body, problem(sentence(error)), buttons(null, () => {}, opened));
    }
  };
  return h('button', { type: 'button', onclick: () => void act() }, 'Let the server download it');
}

function contacts(lead: Lead): HTMLElement[] {
  if (lead.kind === 'url') return [h('li', {}, 'the server of ', stranger(lead.url))];
  if (lead.kind !== 'magnet') return [];
  const trackers = lead.trackers.slice(0, MAX_SHOWN).map((url) => h('li', {}, 'the tracker ', stranger(url)));
  const more = lead.trackers.length - trackers.length;
  return [
    h('li', {}, 'peers that have ', stranger(lead.name ?? lead.infoHash)),
    ...trackers,
    ...(more > 0 ? [h('li', {}, format.many(more, 'more tracker'))] : []),
  ];
}

/** Shows what the lead leads to, once that is known. */
async function look(app: App, lead: Lead, opened: Opened, body: HTMLElement, relays: string[]): Promise<void> {
  const status = h('p', { role: 'status' }, lead.kind === 'magnet' ? 'Asking peers what is in it…' : 'Reading…');
  const trouble = h('div');
  fill(body, h('div', { class: 'looking' }, h('span', { class: 'spinner' }), status), trouble, buttons(null, () => {}, opened));
  const known = new AbortController();
  if (lead.kind === 'magnet') watch(app, relays, trouble, AbortSignal.any([known.signal, opened.signal]));
  try {
    const [found, here] = await Promise.all([scout(app.clients, lead, relays, opened.signal), room()]);
    known.abort();
    if (opened.signal.aborted) return;
    if (app.downloads.find(found.description.infoHash)) {
      opened.close();
      return tell('This torrent is in the list already.');
    }
    decide(app, found, here, relays, opened, body);
  } catch (error) {
    known.abort();
    if (opened.signal.aborted) return;
    const again = () => (lead.kind === 'torrent' ? opened.close() : ask(app, lead, opened, body));
    fill(body, problem(sentence(error, relays)), buttons(lead.kind === 'torrent' ? null : 'Try again', again, opened));
  }
}

/** Says why it takes long: a relay that doesn't serve, or nobody who answers. */
function watch(app: App, relays: string[], place: HTMLElement, until: AbortSignal): void {
  const begun = performance.now();
  let told = '';
  const timer = setInterval(() => {
    const { relayError } = app.clients.of(relays, 'memory');
    const isLong = performance.now() - begun > PATIENCE_MILLIS;
    const said = relayError ? sentence(relayError, relays) : isLong ? NOBODY : undefined;
    if (told === (said?.what ?? '')) return;
    told = said?.what ?? '';
    fill(place, said && problem(said));
  }, WATCH_MILLIS);
  until.addEventListener('abort', () => clearInterval(timer));
}

/** The torrent's name, its files, and where they would go. */
function decide(app: App, found: Found, here: Room, relays: string[], opened: Opened, body: HTMLElement): void {
  const { description } = found;
  const fits = h('p', { class: 'fits', role: 'status' });
  const start = async () => {
    if (!field.check()) return;
    const { infoHash, name, totalBytes } = description;
    const record = {
      infoHash, name, totalBytes, torrent: found.content, files: files.chosen, relays: field.value(),
      peers: found.peers, paused: false, added: Date.now(),
    };
    opened.close();
    await app.downloads.add(record, here.storage, description);
  };
  const isThere = app.host.stats.has(description.infoHash);
  const row = buttons('Download', () => void start(), opened, !isThere && hand(app, found.content, opened, body));
  const button = row.querySelector('button')!;
  const files = new ChooseFiles(description.files, null, () => {
    queueMicrotask(() => {
      write(fits, fitting(files.chosenBytes, here));
      button.disabled = files.chosenBytes === 0 && description.totalBytes > 0;
    });
  });
  const field = relayField(relays);
  show(field.element, relays.length === 0);
  // The title says all there is to say of a single one.
  show(files.element, description.files.length > 1);
  fill(body,
    h('div', {}, h('h3', { class: 'title' }, stranger(description.name)),
      h('p', { class: 'muted' }, `${format.bytes(description.totalBytes)} in ${format.many(description.files.length, 'file')}`)),
    files.element, fits, field.element,
    relays.length > 0 && h('p', { class: 'muted' }, `Peers are reached through ${relays.join(', ')}.`),
    row);
  focusFirst(body);
}

function fitting(wanted: number, { storage, free }: Room): string {
  const needs = format.bytes(wanted);
  if (storage === 'memory') {
    const why = isSecureContext
      ? 'the browser refuses its storage here (private windows often do)'
      : 'this page came without encryption, and browsers give such pages no storage';
    return `${needs} would be kept in this tab’s memory, because ${why}. Closing the tab loses it.`;
  }
  if (free === null) return `${needs} will be kept in the browser’s storage until you save or remove it.`;
  return wanted > free
    ? `This needs ${needs}, and the browser’s storage has only ${format.bytes(free)} left. Choose fewer files, or remove something first.`
    : `${needs} will be kept in the browser’s storage, which has ${format.bytes(free)} free, until you save or remove it.`;
}

/** Where the person names a relay. */
function relayField(relays: string[]) {
  const [field, hint] = [id('relay'), id('hint')];
  const input = h('input', {
    id: field, type: 'url', placeholder: 'wss://relay.example', autocomplete: 'off', spellcheck: 'false', 'aria-describedby': hint,
  });
  input.value = relays.join(' ');
  const value = () => input.value.split(/[\s,]+/).filter(Boolean);
  const check = () => {
    const wrong = value().find((relay) => !isRelay(relay));
    const message = wrong === undefined && value().length > 0 ? '' : 'Name a relay: its address begins with wss:// or ws://';
    input.setCustomValidity(message);
    return input.reportValidity();
  };
  input.type = 'text';
  input.addEventListener('input', () => input.setCustomValidity(''));
  const element = h('div', { class: 'field' },
    h('label', { for: field }, 'Relay'), input,
    h('p', { class: 'muted', id: hint }, 'Pages can’t reach peers by themselves; a relay connects them.'));
  return { element, value, check };
}

function buttons(go: string | null, act: () => void, opened: Opened, other: Child = null): HTMLElement {
  return h('div', { class: 'buttons' },
    go && h('button', { class: 'primary', type: 'button', onclick: act }, go),
    other,
    h('button', { type: 'button', onclick: opened.close }, 'Cancel'));
}

function focusFirst(body: HTMLElement): void {
  body.querySelector<HTMLElement>('.primary')?.focus();
}
