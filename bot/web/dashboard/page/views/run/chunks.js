// A list of very many rows of whatever height: in chunks, of which only those near the view have rows. The others are
// as high as they were, or as they are likely to be.

import { h } from "../../dom.js";

const ROWS = 25;
const NEAR = "800px 0px";
const USUAL_HEIGHT = 90;
const END = 24;

export class Chunks {
  #items = [];
  #chunks = [];
  #rowOf;
  #watcher;
  #height = USUAL_HEIGHT;
  #last = 0;

  /**
   * @param {(item: any, position: number) => HTMLElement} rowOf `position` begins at 1
   * @param {{label: string, signal: AbortSignal, moved: () => void}} options `moved` is told when the end came into view or left it
   */
  constructor(rowOf, { label, signal, moved }) {
    this.#rowOf = rowOf;
    this.list = h("div", { role: "list", "aria-label": label });
    this.scroller = h("div.chunks", { tabindex: 0, role: "region", "aria-label": label, on: { scroll: () => this.#scrolled(moved) } }, this.list);
    /** Whether the view keeps to the end as the list grows. */
    this.follows = false;
    this.#watcher = new IntersectionObserver((seen) => this.#look(seen), { root: this.scroller, rootMargin: NEAR });
    const sizes = new ResizeObserver(() => this.follows && this.#keepToEnd());
    sizes.observe(this.list);
    sizes.observe(this.scroller);
    signal.addEventListener("abort", () => (this.#watcher.disconnect(), sizes.disconnect()));
  }

  get length() {
    return this.#items.length;
  }

  /** Other items in place of those that are there. */
  replace(items) {
    this.#watcher.disconnect();
    this.#items = [];
    this.#chunks = [];
    this.list.replaceChildren();
    if (!this.follows) this.scroller.scrollTop = 0;
    this.append(items);
    this.#last = this.scroller.scrollTop;
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

  #look(seen) {
    for (const { target, isIntersecting, boundingClientRect } of seen) {
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

  /** What has the focus, or is being read out, stays. */
  #empty(chunk, height) {
    if (chunk.element.contains(document.activeElement) || getSelection()?.containsNode(chunk.element, true)) return;
    if (chunk.element.childElementCount === ROWS && height) this.#height = 0.8 * this.#height + (0.2 * height) / ROWS;
    chunk.element.style.height = `${height}px`;
    chunk.element.replaceChildren();
    chunk.isFilled = false;
  }

  #keepToEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.#last = this.scroller.scrollTop;
  }

  #scrolled(moved) {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    // Where there has become less to see, nobody has scrolled.
    if (scrollTop === this.#last) return;
    const isAtEnd = scrollTop + clientHeight >= scrollHeight - END;
    const before = this.follows;
    // What grows below moves nothing up: only people do.
    if (isAtEnd) this.follows = true;
    else if (scrollTop < this.#last - 1) this.follows = false;
    this.#last = scrollTop;
    if (before !== this.follows) moved();
  }
}
