// A long list of rows of equal height, of which only the visible ones are in the page. The window itself scrolls, because
// nested scrolling is awkward on phones.

const AROUND = 10;
const MOST = 56;

export class Windowed {
  #body;
  #keyOf;
  #make;
  #moved;
  #usual;
  #items = new Map();
  #shown = new Map();
  #total = null;
  #height = 44;

  /**
   * @param {HTMLElement} body the parent of the rows; its `--row` is their height in rem
   * @param {object} options
   * @param {(item: object) => any} options.keyOf the identity of an item
   * @param {(item: object|null) => {element: HTMLElement, update: (item: object) => void, end: () => void}} options.make
   *   a row, or its placeholder until the item is loaded; focusable elements in it are named by `data-control`
   * @param {string} options.usual the name of the element that gets the focus by default
   * @param {() => void} options.moved called when other rows have become visible
   * @param {AbortSignal} options.signal
   */
  constructor(body, { keyOf, make, moved, usual, signal }) {
    [this.#body, this.#keyOf, this.#make, this.#moved, this.#usual] = [body, keyOf, make, moved, usual];
    const scrolled = () => this.#scrolled();
    addEventListener("scroll", scrolled, { signal, passive: true });
    addEventListener("resize", () => (this.#fit(), scrolled()), { signal });
    this.#fit();
    body.addEventListener("keydown", (event) => this.#key(event), { signal });
    signal.addEventListener("abort", () => this.#drop(this.#shown.keys()));
  }

  get total() {
    return this.#total;
  }

  /** The loaded items, for `restore`. */
  get loaded() {
    return { items: new Map(this.#items), total: this.#total };
  }

  restore({ items, total }) {
    [this.#items, this.#total] = [new Map(items), total];
    this.render();
  }

  /** The key of the row that has the focus; undefined if none has. */
  get focused() {
    const row = document.activeElement?.closest("[data-index]");
    const found = [...this.#shown].find(([, { element }]) => element === row);
    return found?.[1].item ? found[0] : undefined;
  }

  /** Gives a visible row the focus. */
  focusOn(key) {
    const row = this.#shown.get(key);
    if (row) this.#focus(Number(row.element.dataset.index), "");
  }

  /** The indexes of the first and the last visible row. */
  get inSight() {
    const { top } = this.#body.getBoundingClientRect();
    const last = (this.#total ?? AROUND) - 1;
    const at = (y) => Math.min(Math.max(0, last), Math.max(0, Math.floor(y / this.#height)));
    return [at(-top), at(innerHeight - top)];
  }

  /** Removes all items, before another list. */
  clear() {
    this.#items.clear();
  }

  /**
   * Updates a part of the list. Visible rows keep their position on the screen when rows are inserted above them,
   * except at the beginning of the list.
   * @returns {number} by how many places it has moved
   */
  update(items, start, total) {
    const anchor = this.#anchor();
    const to = anchor ? items.findIndex((item) => this.#keyOf(item) === anchor.key) : -1;
    const by = to < 0 ? 0 : start + to - anchor.index;
    const keys = new Set(items.map(this.#keyOf));
    const others = [...this.#items].map(([index, item]) => [index + by, item]);
    this.#items = new Map(others.filter(([index, item]) => index >= 0 && index < total && !keys.has(this.#keyOf(item))));
    for (let index = start; index < start + items.length; index += 1) this.#items.set(index, items[index - start]);
    this.#total = total;
    if (by && anchor.holds) {
      this.#fit();
      scrollBy({ top: by * this.#height, behavior: "instant" });
    }
    this.render();
    return by;
  }

  /** Renders the visible rows and a few around them, and updates each. */
  render() {
    this.#fit();
    this.#draw();
    for (const row of this.#shown.values()) if (row.item !== null) row.update(row.item);
  }

  #draw() {
    const had = document.activeElement?.closest("[data-index]");
    const keys = new Map(this.#places(had).map((index) => [this.#keyAt(index), index]));
    const focus = had && this.#body.contains(had) ? { index: Number(had.dataset.index), control: controlOf(document.activeElement) } : null;
    this.#drop([...this.#shown.keys()].filter((key) => !keys.has(key)));
    let next = this.#body.firstElementChild;
    for (const [key, index] of keys) {
      const row = this.#row(key, index);
      if (row.element === next) next = next.nextElementSibling;
      else this.#body.insertBefore(row.element, next);
    }
    if (focus && !this.#body.contains(document.activeElement)) this.#focus(focus.index, focus.control);
  }

  /** Scrolls to a row and gives it the focus. */
  goTo(index, control = "") {
    const to = Math.min(this.#total - 1, Math.max(0, index));
    const top = this.#body.getBoundingClientRect().top + to * this.#height;
    const room = this.#height * 1.5;
    if (top < room) scrollBy({ top: top - room, behavior: "instant" });
    else if (top + this.#height > innerHeight - room) scrollBy({ top: top + this.#height + room - innerHeight, behavior: "instant" });
    this.#draw();
    this.#focus(to, control);
  }

  #fit() {
    const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    this.#height = Math.round(Number.parseFloat(getComputedStyle(this.#body).getPropertyValue("--row")) * rem);
    this.#body.style.height = `${(this.#total ?? AROUND) * this.#height}px`;
  }

  #anchor() {
    const focused = document.activeElement?.closest("[data-index]");
    const [first, last] = this.inSight;
    const isFocused = focused && this.#body.contains(focused) && focused.dataset.index >= first && focused.dataset.index <= last;
    const index = isFocused ? Number(focused.dataset.index) : first;
    const item = this.#items.get(index);
    return item && { index, key: this.#keyOf(item), holds: isFocused || this.#body.getBoundingClientRect().top < 0 };
  }

  /** In order; a focused row stays in the page when it is scrolled out of view. */
  #places(focused) {
    const [first, last] = this.inSight;
    const around = Math.max(0, Math.min(AROUND, Math.floor((MOST - (last - first + 1)) / 2)));
    const end = (this.#total ?? AROUND) - 1;
    const from = Math.max(0, first - around);
    const places = Array.from({ length: Math.max(0, Math.min(end, last + around) - from + 1) }, (_, number) => from + number);
    const kept = focused && this.#body.contains(focused) ? this.#indexOf(focused) : -1;
    if (kept < 0 || kept > end || places.includes(kept)) return places;
    return kept < from ? [kept, ...places] : [...places, kept];
  }

  /** The current index of a row's item. */
  #indexOf(element) {
    for (const [key, row] of this.#shown) {
      if (row.element !== element) continue;
      if (row.item === null) return Number(element.dataset.index);
      for (const [index, item] of this.#items) if (this.#keyOf(item) === key) return index;
    }
    return -1;
  }

  #keyAt(index) {
    const item = this.#items.get(index);
    return item ? this.#keyOf(item) : `place ${index}`;
  }

  #row(key, index) {
    const item = this.#items.get(index) ?? null;
    const row = this.#shown.get(key) ?? this.#make(item);
    this.#shown.set(key, row);
    row.item = item;
    const top = index * this.#height;
    if (row.top !== top) {
      row.top = top;
      row.element.dataset.index = index;
      row.element.setAttribute("aria-rowindex", index + 2);
      row.element.style.transform = `translateY(${top}px)`;
    }
    return row;
  }

  #drop(keys) {
    for (const key of [...keys]) {
      const row = this.#shown.get(key);
      this.#shown.delete(key);
      row.end();
      row.element.remove();
    }
  }

  #scrolled() {
    this.#draw();
    this.#moved();
  }

  #focus(index, control) {
    const row = this.#body.querySelector(`[data-index="${index}"]`);
    if (!row) return;
    const to = row.querySelector(`[data-control="${control || this.#usual}"]`) ?? row;
    to.focus({ preventScroll: true });
  }

  #key(event) {
    const row = event.target.closest("[data-index]");
    if (!row || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const page = Math.max(1, Math.floor(innerHeight / this.#height) - 3);
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    this.goTo(Number(row.dataset.index) + by, controlOf(event.target));
  }
}

function controlOf(element) {
  return element?.closest("[data-control]")?.dataset.control ?? "";
}
