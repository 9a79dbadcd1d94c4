// Whether the server and Codegen respond, and the bar that shows when one of them does not.

import { button } from "./dom.js";

const PAUSE = 2_000;
const SERVER = "server";

/** The number of quick retries that the bar counts; then there is one a minute. */
export const QUICK_RETRIES = 6;

class Connection extends EventTarget {
  #timer = null;
  /** What is failing, by the request's path or `SERVER`: the sentence about it. */
  #failing = new Map();

  get isLost() {
    return this.#failing.has(SERVER);
  }

  /** The server does not respond. */
  lost() {
    if (this.isLost) return;
    this.#failing.set(SERVER, "The server is not responding. What you see may be out of date. Retrying …");
    this.#show();
    this.#timer = setTimeout(() => this.#try(), PAUSE);
  }

  found() {
    if (!this.isLost) return;
    clearTimeout(this.#timer);
    this.#failing.delete(SERVER);
    this.#show();
    this.dispatchEvent(new Event("again"));
  }

  /**
   * The server responds, but Codegen does not.
   * @param {string} path of the request
   * @param {string} reason a sentence
   * @param {number} attempt the number of retries so far
   */
  failing(path, reason, attempt) {
    const retries = attempt < QUICK_RETRIES ? `Retrying (${attempt + 1}/${QUICK_RETRIES}) …` : "Retrying every minute.";
    this.#failing.set(path, `${reason} ${retries}`);
    this.#show();
  }

  /** A request takes longer than it should. */
  slow(path) {
    if (this.#failing.has(path)) return;
    this.#failing.set(path, "Codegen has not responded yet. Waiting …");
    this.#show();
  }

  /** The request has been answered, or is no longer of interest. */
  works(path) {
    if (this.#failing.delete(path)) this.#show();
  }

  /** Another page is shown: the failures of the previous one do not matter. */
  leave() {
    for (const path of [...this.#failing.keys()]) if (path !== SERVER) this.#failing.delete(path);
    this.#show();
  }

  /** Dispatches `again` after a while. */
  retry() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.dispatchEvent(new Event("again")), PAUSE * 2);
  }

  #show() {
    const bar = document.getElementById("connection");
    const sentence = this.#failing.get(SERVER) ?? [...this.#failing.values()].at(-1) ?? "";
    bar.hidden = !sentence;
    if (!sentence) return bar.replaceChildren();
    // Only the sentence is replaced: the button keeps the focus.
    if (!bar.firstChild) bar.append(document.createElement("span"), button("Retry now", () => this.#again()));
    if (bar.firstChild.textContent !== sentence) bar.firstChild.textContent = sentence;
  }

  #again() {
    if (this.isLost) this.#try();
    else this.dispatchEvent(new Event("again"));
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

/** Dispatches `again` when requests are to be sent again. */
export const connection = new Connection();
