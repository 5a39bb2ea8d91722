import type { App } from '../app.js';
import { h, id } from '../dom.js';
import type { Download } from '../download.js';
import { openDialog } from './dialog.js';

/** Asks before something is lost. */
export function openRemove(app: App, download: Download): void {
  openDialog('Remove this download?', (opened) => {
    const box = h('input', { type: 'checkbox', id: id('data') });
    box.checked = true;
    const remove = () => {
      opened.close();
      // A copy of one's own files is of no use to anybody else.
      void app.downloads.remove(download, download.isOwn ? download.storage === 'opfs' : box.checked);
    };
    const label = h('label', { for: box.id }, 'Also delete what the browser keeps of it');
    const what = download.isOwn
      ? 'Nobody can download it from this tab any more. Your own files stay where they are.'
      : 'Files that you have saved to disk stay where they are.';
    return [h('div', { class: 'dialog-body' },
      h('p', {}, h('bdi', { dir: 'auto' }, download.name)), h('p', { class: 'muted' }, what),
      !download.isOwn && h('p', { class: 'tick' }, box, label),
      h('div', { class: 'buttons' },
        h('button', { class: 'danger', type: 'button', onclick: remove }, 'Remove'),
        h('button', { type: 'button', onclick: opened.close }, 'Cancel')))];
  });
}
