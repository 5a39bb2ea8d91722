import type { App } from '../app.js';
import { fill, h, id } from '../dom.js';
import type { Download } from '../download.js';
import { chart } from './chart.js';
import { files } from './files.js';
import { logView } from './log.js';
import { peers } from './peers.js';
import { pieces } from './pieces.js';
import { tabs } from './tabs.js';

/** What somebody sees who wants to know more. */
export function details(app: App, download: Download, signal: AbortSignal): HTMLElement {
  const place = h('div', { id: id('details') });
  const button = h('button', {
    class: 'more', type: 'button', 'aria-expanded': 'false', 'aria-controls': place.id,
    'aria-label': `Details of ${download.name}`, onclick: () => toggle(),
  }, 'Details');
  let close: (() => void) | undefined;

  function toggle(): void {
    close?.();
    const opening = close === undefined;
    close = undefined;
    button.setAttribute('aria-expanded', String(opening));
    if (!opening) return fill(place);
    const tabbed = tabs(`About ${download.name}`, [
      { title: 'Files', open: (until) => files(app, download, until) },
      { title: 'Pieces', open: (until) => pieces(download, until) },
      { title: 'Speed', open: (until) => chart(download, until) },
      { title: 'Peers', open: (until) => peers(download, until) },
      { title: 'Log', open: (until) => logView(download, until) },
    ]);
    close = tabbed.close;
    fill(place, tabbed.element);
  }

  signal.addEventListener('abort', () => close?.());
  return h('div', { class: 'details' }, button, place);
}
