// A stream of the HTTP API: Server-Sent Events over fetch, because EventSource would need the token in the URL.

import { authorization, refusal, refusals } from "./api.js";
import { connection } from "./connection.js";
import { EventReader } from "./events.js";

/** The server sends at least a comment every 15 seconds. */
const LONGEST_SILENCE = 40_000;
/** A browser opens at most six connections to a server, for all its tabs: a hidden tab closes its own. */
const HIDDEN = 30_000;
const LONGEST_PAUSE = 30_000;
/** Milliseconds of work after which the browser may do something else. */
const SLICE = 12;

// As in `bot.web.api.streams.close_codes`; after every other one the client reconnects.
const ENDED = 1000;
const TOKEN_REFUSED = 4001;
const NOT_VISIBLE = 4004;
const AT_ONCE = new Set([1012, 4008]);

const SILENT = new Error("The connection was silent for too long.");
const TAB_HIDDEN = new Error("The tab is hidden.");

/**
 * Follows a stream until the signal aborts; after a lost connection it continues behind the last event received.
 * @param {string} path as `org` of api.js returns it
 * @param {object} options
 * @param {(frame: object) => void} options.onFrame called with each frame once, in order, except `close`
 * @param {(state: {name: "connecting"|"live"|"lost"|"ended"|"refused", sentence: string}) => void} options.onState
 *   `lost`: it reconnects; `ended`: everything was received; `refused`: no access, or there is no such stream
 * @param {AbortSignal} options.signal
 * @returns {() => void} reconnects at once, also after the end of the stream
 */
export function follow(path, { onFrame, onState = () => {}, signal }) {
  let place = "";
  let failures = 0;
  let line = new AbortController();
  let wake = () => {};
  let isWanted = false;

  async function keepOn() {
    onState({ name: "connecting", sentence: "Connecting …" });
    while (!signal.aborted) {
      const began = performance.now();
      isWanted = false;
      const { pause, ...state } = await listen();
      if (signal.aborted) return;
      if (performance.now() - began > LONGEST_SILENCE) failures = 0;
      if (state.name !== "away") onState(state);
      await rest(state, pause);
    }
  }

  /** Reads until the connection ends. */
  async function listen() {
    line = new AbortController();
    const { signal: cut } = line;
    const stop = () => line.abort();
    signal.addEventListener("abort", stop, { signal: cut });
    let timeout = null;
    const restartTimeout = () => {
      clearTimeout(timeout);
      timeout = setTimeout(() => line.abort(SILENT), LONGEST_SILENCE);
    };
    let response = null;
    try {
      restartTimeout();
      // The tab may be hidden already: then there is no event.
      onVisibility();
      response = await fetch(path, { signal: cut, cache: "no-store", headers: headers() });
      connection.found();
      if (response.status === 204) return ended();
      if (!response.ok) return await refused(response);
      onState({ name: "live", sentence: "Live" });
      return await read(response.body, restartTimeout, cut);
    } catch (error) {
      if (cut.reason === TAB_HIDDEN) return { name: "away" };
      if (cut.aborted) return lost("The connection was silent for too long.");
      if (response === null) connection.lost();
      return lost(response === null ? "The server is not responding." : "The connection was lost.");
    } finally {
      clearTimeout(timeout);
      line.abort();
    }
  }

  function headers() {
    return { Accept: "text/event-stream", ...authorization(), ...(place ? { "Last-Event-ID": place } : {}) };
  }

  async function read(body, restartTimeout, cut) {
    const events = new EventReader();
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let problem = "";
    let since = performance.now();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return lost("The connection was lost.");
      restartTimeout();
      for (const event of events.read(value)) {
        const frame = JSON.parse(event.data);
        if (event.type === "close") return closed(frame, problem);
        if (event.type === "error" && frame.code) problem = frame.message;
        deliver(frame);
        // Delivered frames are not requested again, even if the connection is lost during the pause below.
        place = event.id || place;
        if (performance.now() - since > SLICE) {
          await yieldToBrowser();
          cut.throwIfAborted();
          since = performance.now();
        }
      }
    }
  }

  /** An error in the handler of a frame does not end the connection. */
  function deliver(frame) {
    try {
      onFrame(frame);
    } catch (error) {
      reportError(error);
    }
  }

  function closed({ code, reason }, problem) {
    if (code === ENDED) return ended();
    if (code === TOKEN_REFUSED) refusals.dispatchEvent(new CustomEvent("refused", { detail: reason }));
    if (code === TOKEN_REFUSED || code === NOT_VISIBLE) return { name: "refused", sentence: reason };
    // The part after the semicolon is for programs.
    return lost(problem || reason.replace(/;.*/, "."), AT_ONCE.has(code) ? 500 : null);
  }

  async function refused(response) {
    const problem = await refusal(response);
    if (response.status < 500 && response.status !== 429) return { name: "refused", sentence: problem.message };
    return lost(problem.message, problem.retryAfter && problem.retryAfter * 1_000);
  }

  function lost(sentence, pause = null) {
    failures += 1;
    // With jitter: there may be many tabs.
    const growing = Math.min(LONGEST_PAUSE, 500 * 2 ** failures) * (0.75 + Math.random() / 2);
    return { name: "lost", sentence, pause: pause ?? growing };
  }

  function ended() {
    failures = 0;
    return { name: "ended", sentence: "Ended" };
  }

  /** Waits until it is time to reconnect, or `wake` is called. */
  function rest({ name }, pause) {
    return new Promise((resolve) => {
      const timer = name === "lost" && setTimeout(resolve, pause);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (signal.aborted || isWanted || (name === "away" && !document.hidden)) wake();
    });
  }

  let hidden = null;
  function onVisibility() {
    clearTimeout(hidden);
    if (document.hidden) hidden = setTimeout(() => line.abort(TAB_HIDDEN), HIDDEN);
    else if (line.signal.reason === TAB_HIDDEN) wake();
  }

  document.addEventListener("visibilitychange", onVisibility, { signal });
  connection.addEventListener("again", () => wake(), { signal });
  signal.addEventListener("abort", () => (clearTimeout(hidden), wake()));
  keepOn();
  return () => {
    // A request in progress may have been answered before the reason to reconnect.
    isWanted = true;
    wake();
  };
}

/** Lets the browser draw and handle input in the middle of long work. */
export function yieldToBrowser() {
  return globalThis.scheduler?.yield ? scheduler.yield() : new Promise((resolve) => setTimeout(resolve));
}
