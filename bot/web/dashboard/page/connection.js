// Whether the server answers, and the bar that says so.

import { button } from "./dom.js";

const PAUSE = 2_000;

class Connection extends EventTarget {
  #isLost = false;
  #timer = null;

  get isLost() {
    return this.#isLost;
  }

  lost() {
    if (this.#isLost) return;
    this.#isLost = true;
    const bar = document.getElementById("connection");
    bar.replaceChildren("The server does not answer. What you see may be old; it is tried again. ", button("Try now", () => this.#try()));
    bar.hidden = false;
    this.#timer = setTimeout(() => this.#try(), PAUSE);
  }

  found() {
    if (!this.#isLost) return;
    this.#isLost = false;
    clearTimeout(this.#timer);
    document.getElementById("connection").hidden = true;
    this.dispatchEvent(new Event("again"));
  }

  async #try() {
    clearTimeout(this.#timer);
    try {
      await fetch("/healthz", { cache: "no-store" });
    } catch {
      this.#timer = setTimeout(() => this.#try(), PAUSE);
      return;
    }
    this.found();
  }
}

/** Tells `again` when the server answers after it had not. */
export const connection = new Connection();
