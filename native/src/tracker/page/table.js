// Tables that change under the reader's eyes: rows stay the same elements, so that neither the
// focus nor a selection is lost. Names only ever become text.

/** An element with properties and children; a child that is a string becomes text. */
export function element(kind, properties = {}, ...children) {
  const made = Object.assign(document.createElement(kind), properties);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Writes a text where it differs; tells whether it did. */
export function write(node, text) {
  if (node.textContent === text) return false;
  node.textContent = text;
  return true;
}

/** A number's cell: what has changed is marked for a moment. */
export function writeNumber(cell, text) {
  const isFirst = cell.textContent === "";
  if (!write(cell, text) || isFirst) return;
  cell.classList.remove("changed");
  // Only after the browser has seen it without the class does the animation begin again.
  requestAnimationFrame(() => requestAnimationFrame(() => cell.classList.add("changed")));
}

/** The rows of a table's body, each known by a key. */
export class Rows {
  #body;
  #make;
  #rows = new Map();

  /** `make()` returns a row: its element, and `update(item)`. */
  constructor(body, make) {
    this.#body = body;
    this.#make = make;
  }

  show(items, keyOf) {
    const focused = this.#body.contains(document.activeElement) ? document.activeElement : null;
    const wanted = new Map(items.map((item) => [keyOf(item), item]));
    for (const [key, row] of this.#rows) {
      if (wanted.has(key)) continue;
      row.element.remove();
      this.#rows.delete(key);
    }
    let place = this.#body.firstElementChild;
    for (const [key, item] of wanted) {
      const row = this.#row(key);
      row.update(item);
      if (row.element === place) place = place.nextElementSibling;
      else this.#body.insertBefore(row.element, place);
    }
    // A row that has moved has lost it.
    if (focused?.isConnected && document.activeElement !== focused) focused.focus();
  }

  #row(key) {
    if (!this.#rows.has(key)) this.#rows.set(key, this.#make());
    return this.#rows.get(key);
  }
}

/** Headings that sort: a second press turns the order round. */
export class Sorting {
  #table;
  #natural;

  /** `natural` says for each column which order it has at first; the first column is the one. */
  constructor(table, natural, changed) {
    this.#table = table;
    this.#natural = natural;
    [this.column] = Object.keys(natural);
    this.order = natural[this.column];
    table.tHead.addEventListener("click", ({ target }) => {
      const column = target.closest("button")?.dataset.sort;
      if (!column) return;
      this.#turn(column);
      changed();
    });
    this.#mark();
  }

  #turn(column) {
    const isSame = column === this.column;
    this.order = isSame ? { asc: "desc", desc: "asc" }[this.order] : this.#natural[column];
    this.column = column;
    this.#mark();
  }

  #mark() {
    for (const button of this.#table.tHead.querySelectorAll("button")) {
      const heading = button.closest("th");
      if (button.dataset.sort !== this.column) heading.removeAttribute("aria-sort");
      else heading.ariaSort = this.order === "asc" ? "ascending" : "descending";
    }
  }
}
