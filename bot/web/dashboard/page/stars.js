// The team's stars: known once for all views, and changed here.

import { poll, post, query } from "./api.js";
import { notice } from "./notices.js";
import { session } from "./session.js";
import { button } from "./dom.js";

const EVERY = 8_000;

class Stars extends EventTarget {
  #ids = new Set();
  #again = () => {};

  has(run) {
    return this.#ids.has(run);
  }

  /** Knows them from now on, those of others as well, until the signal says so; `failed` is told the first failure. */
  follow(signal, failed) {
    this.#ids = new Set();
    let known = false;
    const tell = (answer) => {
      known = true;
      this.#tell(answer);
    };
    const path = () => query("/starred-runs", { org_id: session.organization });
    this.#again = poll(path, tell, {
      signal,
      every: EVERY,
      failed: (error) => {
        if (!known) failed(error);
        known = true;
      },
    });
  }

  async change(run, starred) {
    this.#tell(await post("/starred-runs", { agent_run_id: run, starred, org_id: session.organization }));
    // What is being asked was asked before: its answer would take the star back.
    this.#again();
  }

  #tell(answer) {
    this.#ids = new Set(answer.agent_run_ids);
    this.dispatchEvent(new Event("change"));
  }
}

/** Tells `change` when they are known, or have changed. */
export const stars = new Stars();

/** A star to click, kept true until the signal says so. */
export function starButton(run, signal) {
  const made = button("", click, { class: "star" });
  function show() {
    const on = stars.has(run);
    made.textContent = on ? "★" : "☆";
    made.setAttribute("aria-pressed", String(on));
    made.setAttribute("aria-label", on ? `Take the star off run ${run}` : `Star run ${run}`);
    made.title = on ? "Starred; click to take the star off" : "Star";
  }
  async function click() {
    made.disabled = true;
    try {
      await stars.change(run, !stars.has(run));
      notice(stars.has(run) ? `Run ${run} is starred.` : `Run ${run} has no star any more.`);
    } catch (error) {
      notice(error.message, "error");
    }
    made.disabled = false;
  }
  stars.addEventListener("change", show, { signal });
  show();
  return made;
}
