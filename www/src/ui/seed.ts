import type { App } from '../app.js';
import { fill, h, stranger } from '../dom.js';
import * as format from '../format.js';
import { sentence } from '../sentences.js';
import { openDialog } from './dialog.js';
import { problem } from './notes.js';
import { openSettings } from './settings.js';
import { openShare } from './share.js';

/** Files that are listed by name. */
const MAX_LISTED = 12;

/** Asks whether files of this device are to be offered to others. */
export function openSeed(app: App, files: File[]): void {
  void app.ready.then(() => ask(app, files));
}

function ask(app: App, files: File[]): void {
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const body = h('div', { class: 'dialog-body' });
  openDialog('Share from this tab?', (opened) => {
    const begin = async () => {
      fill(body, h('div', { class: 'looking' }, h('span', { class: 'spinner' }),
        h('p', { role: 'status' }, `Reading ${format.bytes(total)}, once, for its hashes…`)));
      try {
        const name = files.length > 1 && !files[0]?.webkitRelativePath ? `${files.length} files` : undefined;
        const download = await app.downloads.share(files, name, app.relays, app.server.trackers);
        opened.close();
        openShare(app, download);
      } catch (error) {
        fill(body, problem(sentence(error, app.relays)),
          h('div', { class: 'buttons' }, h('button', { type: 'button', onclick: opened.close }, 'Close')));
      }
    };
    fill(body,
      h('ul', { class: 'contacts' }, ...files.slice(0, MAX_LISTED).map((file) => h('li', {}, stranger(file.name), ` ${format.bytes(file.size)}`)),
        files.length > MAX_LISTED && h('li', {}, `and ${files.length - MAX_LISTED} more`)),
      h('p', { class: 'muted' }, app.relays.length > 0
        ? `Whoever has the link can download ${format.bytes(total)} from this tab, through ${app.relays.join(', ')}, for as long as it is open. Nothing is uploaded anywhere before somebody asks.`
        : 'Name a relay in the settings first: without one nobody reaches this tab.'),
      h('div', { class: 'buttons' },
        app.relays.length > 0
          ? h('button', { class: 'primary', type: 'button', onclick: () => void begin() }, 'Share')
          : h('button', { class: 'primary', type: 'button', onclick: () => { opened.close(); openSettings(app); } }, 'Open the settings'),
        h('button', { type: 'button', onclick: opened.close }, 'Cancel')));
    return [body];
  });
}
