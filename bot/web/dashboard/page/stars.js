// The team's stars, shared by all views.

import { poll, post, query } from "./api.js";
import { notice } from "./notices.js";
import { session } from "./session.js";
import { button, icon } from "./dom.js";

const EVERY = 8_000;

class Stars extends EventTarget {
  #ids = new Set();
  #again = () => {};

  has(run) {
    return this.#ids.has(run);
  }

  /** Polls them until the signal aborts; `failed` is called with the error if the first poll fails. */
  follow(signal, failed) {
    this.#ids = new Set();
    let isLoaded = false;
    const receive = (response) => {
      isLoaded = true;
      this.#set(response);
    };
    const path = () => query("/starred-runs", { org_id: session.organization });
    this.#again = poll(path, receive, {
      signal,
      every: EVERY,
      failed: (error) => {
        if (!isLoaded) failed(error);
        isLoaded = true;
      },
    });
  }

  async change(run, starred) {
    this.#set(await post("/starred-runs", { agent_run_id: run, starred, org_id: session.organization }));
    // The response of a poll in progress is older than this change.
    this.#again();
  }

  #set(response) {
    this.#ids = new Set(response.agent_run_ids);
    this.dispatchEvent(new Event("change"));
  }
}

/** Dispatches `change` when they are loaded or have changed. */
export const stars = new Stars();

/** A star button, updated until the signal aborts. */
export function starButton(run, signal) {
  const made = button(icon("star"), click, { class: "star" });
  function show() {
    const on = stars.has(run);
    made.setAttribute("aria-pressed", String(on));
    made.setAttribute("aria-label", on ? `Unstar run ${run}` : `Star run ${run}`);
    made.title = on ? "Starred; click to unstar" : "Star";
  }
  async function click() {
    made.disabled = true;
    try {
      await stars.change(run, !stars.has(run));
      notice(stars.has(run) ? `Run ${run} is starred.` : `Run ${run} is no longer starred.`);
    } catch (error) {
      notice(error.message, "error");
    }
    made.disabled = false;
  }
  stars.addEventListener("change", show, { signal });
  show();
  return made;
}
