// New and changed runs in the list: marked for a moment, and announced to screen readers now and then.

import { stateOf, titleOf } from "./words.js";

const MARKED = 6_000;
const QUIET = 15_000;

export class News {
  #statuses = new Map();
  #highest = 0;
  #began = 0;
  #notes = new Map();
  #unannounced = new Map();
  #place;
  #timer = null;
  #announcedAt = -Infinity;

  /**
   * @param {HTMLElement} place a live region
   * @param {AbortSignal} signal
   */
  constructor(place, signal) {
    this.#place = place;
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  /** "new", "changed" or nothing. */
  noteOf(run) {
    const note = this.#notes.get(run.id);
    return note && performance.now() < note.until ? note.word : "";
  }

  /** Starts with another list: nothing in it is new. */
  begin(runs) {
    this.#began = Date.now();
    this.#highest = Math.max(0, ...runs.map((run) => run.id));
    for (const run of runs) this.#statuses.set(run.id, stateOf(run.status));
  }

  /**
   * Notes the runs' latest states.
   * @param {object[]} runs
   * @param {{newestFirst: boolean}} order if the newest are not first, a run with the highest number may only have been
   *   further down; then its creation time decides
   */
  see(runs, { newestFirst }) {
    for (const run of runs) {
      const before = this.#statuses.get(run.id);
      const now = stateOf(run.status);
      this.#statuses.set(run.id, now);
      if (before === undefined) {
        if (run.id > this.#highest && (newestFirst || Date.parse(run.created_at) > this.#began)) this.#note(run, "new");
      } else if (before !== now) this.#note(run, "changed");
    }
    this.#highest = Math.max(this.#highest, ...runs.map((run) => run.id));
    if (this.#unannounced.size) this.#announceSoon();
  }

  #note(run, word) {
    this.#notes.set(run.id, { word, until: performance.now() + MARKED });
    this.#unannounced.set(run.id, { word: this.#unannounced.get(run.id)?.word === "new" ? "new" : word, run });
  }

  #announceSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#announce(), Math.max(0, this.#announcedAt + QUIET - performance.now()));
  }

  #announce() {
    this.#announcedAt = performance.now();
    const all = [...this.#unannounced.values()];
    this.#unannounced.clear();
    const begun = all.filter(({ word }) => word === "new").length;
    const changed = all.filter(({ word }) => word === "changed");
    const words = [];
    if (begun) words.push(begun === 1 ? "One new run." : `${begun} new runs.`);
    if (changed.length === 1) words.push(`Run ${changed[0].run.id}, ${titleOf(changed[0].run)}: ${stateOf(changed[0].run.status)}.`);
    else if (changed.length) words.push(`${changed.length} runs have changed.`);
    this.#place.textContent = words.join(" ");
  }
}
