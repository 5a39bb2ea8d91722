import { type Child, h, id } from '../dom.js';
import { notes } from './notes.js';

/** What a dialog's content is given to work with. */
export interface Opened {
  element: HTMLDialogElement;
  close(): void;
  /** Aborted when the dialog closes, however it closes. */
  signal: AbortSignal;
}

/** Opens a modal dialog; the browser keeps the focus in it, and Escape closes it. */
export function openDialog(title: string, content: (opened: Opened) => Child[]): Opened {
  const heading = id('dialog');
  const gone = new AbortController();
  const element = h('dialog', { class: 'dialog', 'aria-labelledby': heading });
  const opened = { element, close: () => element.close(), signal: gone.signal };
  element.append(
    h('div', { class: 'dialog-head' },
      h('h2', { id: heading, tabindex: -1 }, title),
      h('button', { class: 'quiet', type: 'button', 'aria-label': 'Close', onclick: opened.close }, '✕')),
  );
  for (const child of content(opened)) if (child) element.append(child instanceof Node ? child : String(child));
  element.addEventListener('close', () => {
    gone.abort();
    const below = [...document.querySelectorAll<HTMLElement>('dialog[open]')].at(-1) ?? document.body;
    below.append(notes());
    element.remove();
  });
  // A press on what is around it.
  element.addEventListener('click', (event) => {
    if (event.target === element) element.close();
  });
  element.append(notes());
  document.body.append(element);
  element.showModal();
  return opened;
}
