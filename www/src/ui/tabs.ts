import { h, id } from '../dom.js';

export interface Tab {
  title: string;
  /** Makes the content when it is first looked at; aborted when it is left. */
  open(signal: AbortSignal): HTMLElement;
}

/** Tabs as the ARIA practices have them: one stop for Tab, arrows between them. */
export function tabs(label: string, all: Tab[]): { element: HTMLElement; close(): void } {
  const panel = h('div', { class: 'panel', role: 'tabpanel', id: id('panel'), tabindex: 0 });
  let open = new AbortController();
  const buttons = all.map((tab, index) =>
    h('button', {
      type: 'button', role: 'tab', id: id('tab'), 'aria-controls': panel.id, 'aria-selected': 'false',
      onclick: () => select(index),
    }, tab.title));
  const list = h('div', {
    class: 'tabs', role: 'tablist', 'aria-label': label, onkeydown: (event: KeyboardEvent) => move(event),
  }, ...buttons);

  function select(index: number): void {
    open.abort();
    open = new AbortController();
    buttons.forEach((button, at) => {
      button.setAttribute('aria-selected', String(at === index));
      button.tabIndex = at === index ? 0 : -1;
    });
    panel.setAttribute('aria-labelledby', buttons[index]!.id);
    panel.replaceChildren(all[index]!.open(open.signal));
  }

  function move(event: KeyboardEvent): void {
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const steps: { [key: string]: number } = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 };
    const to = steps[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const next = (to + buttons.length) % buttons.length;
    buttons[next]!.focus();
    select(next);
  }

  select(0);
  return { element: h('div', { class: 'tabbed' }, list, panel), close: () => open.abort() };
}
