import type { App } from '../app.js';
import { h, id } from '../dom.js';
import { isRelay } from '../link.js';
import { openDialog } from './dialog.js';
import { tell } from './notes.js';

const BYTES_PER_KB = 1000;

/** Relays and limits. */
export function openSettings(app: App): void {
  const { settings } = app;
  const relays = h('textarea', { id: id('relays'), rows: 3, spellcheck: 'false', placeholder: app.server.relays.join('\n') || 'wss://relay.example' });
  relays.value = settings.relays.join('\n');
  const download = limit(settings.downloadLimit);
  const upload = limit(settings.uploadLimit);
  relays.addEventListener('input', () => relays.setCustomValidity(''));
  openDialog('Settings', (opened) => {
    const save = (event: Event) => {
      event.preventDefault();
      const named = relays.value.split(/\s+/).filter(Boolean);
      const wrong = named.find((relay) => !isRelay(relay));
      relays.setCustomValidity(wrong === undefined ? '' : `${wrong} is not a relay: its address begins with wss:// or ws://`);
      if (!relays.reportValidity()) return;
      app.change({ relays: named, downloadLimit: bytesOf(download), uploadLimit: bytesOf(upload) });
      opened.close();
      tell('Saved. New downloads use these relays; the limits hold at once.');
    };
    return [h('form', { class: 'dialog-body', onsubmit: save },
      h('div', { class: 'field' }, h('label', { for: relays.id }, 'Relays, one a line'), relays,
        h('p', { class: 'muted' }, app.server.relays.length > 0
          ? 'Left empty, the relay of the server that gave this page is used.'
          : 'Pages can’t reach peers by themselves; a relay (gannet relay) connects them.')),
      h('div', { class: 'pair' },
        h('div', { class: 'field' }, h('label', { for: download.id }, 'Download limit, kB/s'), download),
        h('div', { class: 'field' }, h('label', { for: upload.id }, 'Upload limit, kB/s'), upload)),
      h('div', { class: 'buttons' },
        h('button', { class: 'primary', type: 'submit' }, 'Save'),
        h('button', { type: 'button', onclick: opened.close }, 'Cancel')))];
  });
}

function limit(bytesPerSecond: number | null): HTMLInputElement {
  const input = h('input', { id: id('limit'), type: 'number', min: 1, inputmode: 'numeric', placeholder: 'none' });
  input.value = bytesPerSecond === null ? '' : String(Math.round(bytesPerSecond / BYTES_PER_KB));
  return input;
}

const bytesOf = ({ valueAsNumber }: HTMLInputElement): number | null =>
  valueAsNumber > 0 ? valueAsNumber * BYTES_PER_KB : null;
