import type { DescribedFile } from 'gannet';
import { fill, h, id, stranger } from '../dom.js';
import * as format from '../format.js';

/** Files that are listed; of a torrent with more, the others can only be taken together. */
const MAX_LISTED = 2000;

/** Tick boxes for a torrent's files. */
export class ChooseFiles {
  readonly element: HTMLElement;
  readonly #boxes: HTMLInputElement[] = [];
  readonly #all: HTMLInputElement;
  readonly #total = h('span', { class: 'muted' });

  constructor(private readonly files: DescribedFile[], chosen: number[] | null, private readonly changed: () => void) {
    const all = id('all');
    this.#all = h('input', { type: 'checkbox', id: all, onchange: () => this.#setAll() });
    const rows = files.slice(0, MAX_LISTED).map((file, index) => this.#row(file, index, chosen));
    const more = files.length - rows.length;
    this.element = h('fieldset', { class: 'files' },
      h('legend', {}, 'Files'),
      h('div', { class: 'file all' }, this.#all, h('label', { for: all }, 'All'), this.#total),
      h('div', { class: 'file-list', tabindex: 0, role: 'group', 'aria-label': 'List of files' }, ...rows,
        more > 0 && h('p', { class: 'muted' }, `and ${format.many(more, 'file')} more`)));
    this.#update();
  }

  /** Numbers of the chosen files; `null` for all of them. */
  get chosen(): number[] | null {
    const numbers = this.files.map((_, index) => index).filter((index) => this.#boxes[index]?.checked ?? this.#all.checked);
    return numbers.length === this.files.length ? null : numbers;
  }

  get chosenBytes(): number {
    const { chosen } = this;
    return (chosen ?? this.files.map((_, index) => index)).reduce((sum, n) => sum + this.files[n]!.length, 0);
  }

  #row(file: DescribedFile, index: number, chosen: number[] | null): HTMLElement {
    const box = h('input', { type: 'checkbox', id: id('file'), onchange: () => this.#update() });
    box.checked = chosen?.includes(index) ?? true;
    this.#boxes.push(box);
    // The torrent's own folder is its title already.
    const shown = file.path.length > 1 ? file.path.slice(1) : file.path;
    return h('div', { class: 'file' }, box, h('label', { for: box.id }, stranger(shown.join(' / '))),
      h('span', { class: 'muted' }, format.bytes(file.length)));
  }

  #setAll(): void {
    for (const box of this.#boxes) box.checked = this.#all.checked;
    this.#update();
  }

  #update(): void {
    const ticked = this.#boxes.filter((box) => box.checked).length;
    this.#all.checked = ticked === this.#boxes.length;
    this.#all.indeterminate = ticked > 0 && ticked < this.#boxes.length;
    fill(this.#total, format.bytes(this.chosenBytes));
    this.changed();
  }
}
