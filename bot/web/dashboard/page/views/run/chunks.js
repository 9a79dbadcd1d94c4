// A long list of rows of any height, in chunks, of which only those near the viewport are rendered. The others have their
// last or an estimated height. The window itself scrolls: there is one scroll bar.

import { h } from "../../dom.js";

const ROWS = 25;
const NEAR = "800px 0px";
const USUAL_HEIGHT = 90;
const END = 24;
/** Pixels below the last row, when the view is at the end. */
const BELOW = 24;

export class Chunks {
  #items = [];
  #chunks = [];
  #rowOf;
  #watcher;
  #height = USUAL_HEIGHT;
  #last = 0;

  /**
   * @param {(item: any, position: number) => HTMLElement} rowOf `position` begins at 1
   * @param {{label: string, signal: AbortSignal, moved: () => void}} options `moved` is called when the end comes into view or leaves it
   */
  constructor(rowOf, { label, signal, moved }) {
    this.#rowOf = rowOf;
    this.list = h("div", { role: "list", "aria-label": label });
    this.region = h("div.chunks", { tabindex: -1, role: "region", "aria-label": label }, this.list);
    /** Whether the view stays at the end as the list grows. */
    this.follows = false;
    this.#last = scrollY;
    this.#watcher = new IntersectionObserver((changes) => this.#onIntersection(changes), { rootMargin: NEAR });
    const sizes = new ResizeObserver(() => this.follows && this.#keepToEnd());
    sizes.observe(this.list);
    addEventListener("scroll", () => this.#scrolled(moved), { signal, passive: true });
    addEventListener("resize", () => this.follows && this.#keepToEnd(), { signal });
    signal.addEventListener("abort", () => (this.#watcher.disconnect(), sizes.disconnect()));
  }

  get length() {
    return this.#items.length;
  }

  /** Replaces all items. */
  replace(items) {
    this.#watcher.disconnect();
    this.#items = [];
    this.#chunks = [];
    this.list.replaceChildren();
    this.append(items);
    // The view may have been far behind the new end.
    if (!this.follows && this.region.getBoundingClientRect().top < 0) this.region.scrollIntoView({ block: "start", behavior: "instant" });
    this.#last = scrollY;
  }

  /** Renders what is rendered once more; what is in view stays where it is. */
  redraw() {
    this.keepPlace(() => {
      this.#chunks.forEach((chunk, number) => {
        if (!chunk.isFilled) return;
        chunk.element.replaceChildren();
        this.#addRows(chunk, number);
      });
    });
  }

  /** Does what may change heights; the first row in view stays where it is. */
  keepPlace(work) {
    const at = this.#firstInView();
    const before = at ? this.#rowAt(at).getBoundingClientRect().top : 0;
    work();
    if (this.follows) this.#keepToEnd();
    else if (at) scrollBy({ top: this.#rowAt(at).getBoundingClientRect().top - before, behavior: "instant" });
    this.#last = scrollY;
  }

  /** Scrolls to a row. @param {number} position begins at 0 */
  goTo(position) {
    this.follows = false;
    const number = Math.floor(position / ROWS);
    const chunk = this.#chunks[number];
    if (!chunk) return;
    this.#fill(chunk, number);
    chunk.element.children[position % ROWS].scrollIntoView({ block: "center", behavior: "instant" });
    this.#last = scrollY;
  }

  #rowAt([number, index]) {
    return this.#chunks[number].element.children[index];
  }

  #firstInView() {
    for (const [number, chunk] of this.#chunks.entries()) {
      if (!chunk.isFilled || chunk.element.getBoundingClientRect().bottom < 0) continue;
      const index = [...chunk.element.children].findIndex((row) => row.getBoundingClientRect().bottom > 0);
      return index < 0 ? null : [number, index];
    }
    return null;
  }

  append(items) {
    const before = this.#items.length;
    for (const item of items) this.#items.push(item);
    for (let at = before; at < this.#items.length; at = Math.min(this.#items.length, (Math.floor(at / ROWS) + 1) * ROWS)) {
      const number = Math.floor(at / ROWS);
      const chunk = this.#chunks[number] ?? this.#begin();
      if (chunk.isFilled) this.#addRows(chunk, number);
      else chunk.element.style.height = `${this.#height * (Math.min(this.#items.length, (number + 1) * ROWS) - number * ROWS)}px`;
    }
    if (this.follows) this.toEnd();
  }

  toEnd() {
    this.follows = true;
    if (!this.#chunks.length) return;
    this.#fill(this.#chunks.at(-1), this.#chunks.length - 1);
    this.#keepToEnd();
  }

  #begin() {
    const element = h("div.chunk", { role: "none" });
    const chunk = { element, isFilled: false };
    this.#chunks.push(chunk);
    element.chunk = this.#chunks.length - 1;
    this.list.append(element);
    this.#watcher.observe(element);
    return chunk;
  }

  #onIntersection(changes) {
    for (const { target, isIntersecting, boundingClientRect } of changes) {
      const chunk = this.#chunks[target.chunk];
      if (chunk?.element !== target) continue;
      if (isIntersecting) this.#fill(chunk, target.chunk);
      else if (chunk.isFilled) this.#empty(chunk, boundingClientRect.height);
    }
  }

  #fill(chunk, number) {
    if (chunk.isFilled) return;
    chunk.isFilled = true;
    this.#addRows(chunk, number);
    chunk.element.style.height = "";
  }

  #addRows({ element }, number) {
    const start = number * ROWS + element.childElementCount;
    const rows = this.#items.slice(start, (number + 1) * ROWS).map((item, at) => this.#rowOf(item, start + at + 1));
    element.append(...rows);
  }

  /** Focused or selected content stays. */
  #empty(chunk, height) {
    if (chunk.element.contains(document.activeElement) || getSelection()?.containsNode(chunk.element, true)) return;
    if (chunk.element.childElementCount === ROWS && height) this.#height = 0.8 * this.#height + (0.2 * height) / ROWS;
    chunk.element.style.height = `${height}px`;
    chunk.element.replaceChildren();
    chunk.isFilled = false;
  }

  #keepToEnd() {
    const { bottom } = this.region.getBoundingClientRect();
    if (bottom > innerHeight - BELOW) scrollBy({ top: bottom - innerHeight + BELOW, behavior: "instant" });
    this.#last = scrollY;
  }

  #scrolled(moved) {
    // The viewport shrank, or it is this list that scrolled.
    if (scrollY === this.#last) return;
    const isAtEnd = this.region.getBoundingClientRect().bottom <= innerHeight + END;
    const before = this.follows;
    // Only a person scrolls up; growth does not.
    if (isAtEnd) this.follows = true;
    else if (scrollY < this.#last - 1) this.follows = false;
    this.#last = scrollY;
    if (before !== this.follows) moved();
  }
}
