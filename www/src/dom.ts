export type Child = Node | string | number | null | undefined | false;
type Value = string | number | boolean | null | undefined | ((event: any) => void);

const SVG = 'http://www.w3.org/2000/svg';

/**
 * An element. Functions become listeners (`onclick`), booleans attributes without a value, and
 * children that are text stay text: this page never makes markup from a string.
 */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag, props: Record<string, Value> = {}, ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  return dress(document.createElement(tag), props, children);
}

/** The same for drawings. */
export function svg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag, props: Record<string, Value> = {}, ...children: Child[]
): SVGElementTagNameMap[Tag] {
  return dress(document.createElementNS(SVG, tag), props, children);
}

function dress<E extends Element>(element: E, props: Record<string, Value>, children: Child[]): E {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (typeof value === 'boolean') element.toggleAttribute(name, value);
    else if (value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...shown(children));
  return element;
}

/** Puts children in place of those there are. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren(...shown(children));
}

function shown(children: Child[]): (Node | string)[] {
  return children
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}

/** Writes text only where it changes, so that a screen reader isn't told it again. */
export function write(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Shows or hides. */
export function show(element: HTMLElement, visible: boolean): void {
  if (element.hidden === visible) element.hidden = !visible;
}

/** A name that a stranger chose: text, in its own direction, without a say over its surroundings. */
export function stranger(text: string, props: Record<string, Value> = {}): HTMLElement {
  return h('bdi', { dir: 'auto', title: text, ...props }, text);
}

let ids = 0;
/** An id that is nobody else's. */
export const id = (word: string): string => `${word}-${++ids}`;
