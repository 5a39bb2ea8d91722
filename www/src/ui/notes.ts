import { h } from '../dom.js';
import type { Sentence } from '../sentences.js';

const SHOWN_MILLIS = 12_000;

const region = h('div', { class: 'notes', role: 'status', 'aria-live': 'polite' });

/** Where notes appear; a screen reader reads them out. While a dialog is open only what is in it can be heard. */
export const notes = (): HTMLElement => region;

/** Tells something at the page's foot for a while. */
export function tell(text: string): void {
  const note = h('p', { class: 'note' }, text);
  region.append(note);
  setTimeout(() => note.remove(), SHOWN_MILLIS);
}

/** What happened and what to do about it, where it happened. */
export function problem({ what, todo }: Sentence): HTMLElement {
  return h('div', { class: 'problem', role: 'alert' }, h('p', {}, h('strong', {}, what)), h('p', {}, todo));
}
