// What the server that gave this page shares and downloads, and what may be done about it.
import type { App } from '../app.js';
import type { Shared } from '../config.js';
import { type Child, fill, h, id, show, stranger, write } from '../dom.js';
import * as format from '../format.js';
import type { HostStats } from '../host.js';
import { readAddress } from '../link.js';
import { sentence } from '../sentences.js';
import { openAdd } from './add.js';
import { openDialog } from './dialog.js';
import { problem, tell } from './notes.js';

/** A torrent by what is known of it: one without metadata has no offer yet. */
interface Row {
  element: HTMLElement;
  update(offer: Shared | undefined, stats: HostStats | undefined): void;
}

/** The list, kept up to date; hidden where there is nothing to show. */
export function hostList(app: App): HTMLElement {
  const { host, downloads } = app;
  const list = h('ul', { class: 'offers' });
  const manage = h('button', { class: 'quiet', type: 'button', onclick: () => openManage(app) });
  const element = h('section', { class: 'host', 'aria-label': 'On the server', hidden: true },
    h('div', { class: 'section-head' }, h('h2', {}, 'Shared here'), manage), list);
  const rows = new Map<string, Row>();
  const update = () => {
    const offers = new Map(host.torrents.map((offer) => [offer.infoHash, offer]));
    const all = new Set([...offers.keys(), ...host.stats.keys()]);
    for (const [infoHash, row] of rows) if (!all.has(infoHash) && rows.delete(infoHash)) row.element.remove();
    for (const infoHash of all) {
      const row = rows.get(infoHash) ?? hostRow(app, infoHash);
      if (!rows.has(infoHash)) list.append(row.element);
      rows.set(infoHash, row);
      row.update(offers.get(infoHash), host.stats.get(infoHash));
    }
    show(element, all.size > 0 || host.isThere);
    show(manage, host.isThere);
    write(manage, host.token === null ? 'Manage' : 'Stop managing');
  };
  host.addEventListener('change', update);
  downloads.addEventListener('change', update);
  return element;
}

function hostRow(app: App, infoHash: string): Row {
  const { host } = app;
  const place = h('span', { class: 'offer-name' });
  const state = h('p', { class: 'muted' });
  const bar = h('div', { class: 'bar-fill' });
  const track = h('div', { class: 'bar', 'aria-hidden': 'true', hidden: true }, bar);
  let offered: Shared | undefined;
  const button = (text: string, act: () => void, props = {}) => h('button', { type: 'button', onclick: act, ...props }, text);
  const download = button('Download', () => { if (offered) openOffer(app, offered); });
  const pause = button('Pause', () => void attempt(host.pause(infoHash)));
  const resume = button('Resume', () => void attempt(host.resume(infoHash)));
  const remove = button('Remove', () => openRemoval(app, infoHash, place.textContent ?? ''));
  const element = h('li', { class: 'offer' },
    h('div', { class: 'offer-text' }, place, state, track), h('div', { class: 'row-buttons' }, download, pause, resume, remove));
  let named = '';
  return {
    element,
    update(offer, stats) {
      offered = offer;
      const name = offer?.name ?? stats?.name ?? infoHash;
      if (name !== named) {
        fill(place, stranger(name, { class: 'clamped' }));
        download.ariaLabel = `Download ${name}`;
        for (const [it, verb] of [[pause, 'Pause'], [resume, 'Resume'], [remove, 'Remove']] as const) it.ariaLabel = `${verb} ${name} on the server`;
        named = name;
      }
      const isManaged = host.token !== null && stats !== undefined;
      write(state, described(offer, stats, host.token !== null));
      show(track, stats !== undefined && stats.have_bytes < stats.wanted_bytes);
      bar.style.transform = `scaleX(${stats && stats.wanted_bytes > 0 ? stats.have_bytes / stats.wanted_bytes : 0})`;
      show(download, offer !== undefined && !app.downloads.find(infoHash));
      show(pause, isManaged && stats.state !== 'paused');
      show(resume, isManaged && stats.state === 'paused');
      show(remove, isManaged);
    },
  };
}

/** In a line: how large it is, and what the server does with it. */
function described(offer: Shared | undefined, stats: HostStats | undefined, isManaged: boolean): string {
  const size = offer ? [`${format.bytes(offer.length)} in ${format.many(offer.files, 'file')}`] : [];
  if (!stats) return size.join();
  const { peers_connected: peers, upload_bytes_per_second: out, download_bytes_per_second: received } = stats;
  const words = {
    metadata: ['the server asks peers what is in it'],
    checking: ['being checked'],
    downloading: [`the server has ${format.percent(stats.have_bytes, stats.wanted_bytes)}`, received > 0 && format.rate(received)],
    seeding: [isManaged && 'seeding', out > 0 && `${format.rate(out)} sent`],
    paused: ['paused'],
    storage_error: ['the server can’t write its files'],
  }[stats.state] ?? [];
  return [...size, ...words, peers > 0 && format.many(peers, 'peer')].filter(Boolean).join(' · ');
}

/** The server says itself what is in it: it gave the page, so nobody new is contacted for that. */
function openOffer(app: App, { url }: Shared): void {
  const lead = readAddress(url);
  if (lead) openAdd(app, lead);
  else tell('The server names an address for it that can’t be opened.');
}

async function attempt(change: Promise<void>): Promise<void> {
  try {
    await change;
  } catch (error) {
    const { what, todo } = sentence(error);
    tell(`${what} ${todo}`);
  }
}

/** Asks for the token, or forgets it. */
function openManage({ host }: App): void {
  if (host.token !== null) {
    host.setToken(null);
    return tell('This tab no longer knows the server’s token.');
  }
  const field = h('input', { id: id('token'), type: 'password', autocomplete: 'off', required: true });
  openDialog('Manage the server', (opened) => {
    const keep = (event: Event) => {
      event.preventDefault();
      field.setCustomValidity(host.setToken(field.value.trim()) ? '' : 'A token has no spaces.');
      if (field.reportValidity()) opened.close();
    };
    field.addEventListener('input', () => field.setCustomValidity(''));
    return [h('form', { class: 'dialog-body', onsubmit: keep },
      h('p', {}, 'Whoever knows the server’s token can have it download, pause and remove.'),
      h('div', { class: 'field' }, h('label', { for: field.id }, 'Token'), field,
        h('p', { class: 'muted' }, 'gannet serve prints it at its start, unless --token named one. It is forgotten when this tab is closed.')),
      h('div', { class: 'buttons' },
        h('button', { class: 'primary', type: 'submit' }, 'Manage'),
        h('button', { type: 'button', onclick: opened.close }, 'Cancel')))];
  });
}

function openRemoval({ host }: App, infoHash: string, name: string): void {
  openDialog('Remove it from the server?', (opened) => {
    const box = h('input', { type: 'checkbox', id: id('data') });
    const trouble = h('div');
    const remove = async () => {
      try {
        await host.remove(infoHash, box.checked);
        opened.close();
      } catch (error) {
        fill(trouble, problem(sentence(error)));
      }
    };
    const children: Child[] = [
      h('p', {}, h('bdi', { dir: 'auto' }, name)),
      h('p', { class: 'muted' }, 'The server stops sharing it. What it was told to share at its start is never deleted.'),
      h('p', { class: 'tick' }, box, h('label', { for: box.id }, 'Also delete what the server has downloaded of it')),
      trouble,
      h('div', { class: 'buttons' },
        h('button', { class: 'danger', type: 'button', onclick: () => void remove() }, 'Remove'),
        h('button', { type: 'button', onclick: opened.close }, 'Cancel'))];
    return [h('div', { class: 'dialog-body' }, ...children)];
  });
}
