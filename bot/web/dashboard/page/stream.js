// A stream of the HTTP API, as Server-Sent Events over fetch: EventSource would want the token in its address.

import { authorization, refusal, refusals } from "./api.js";
import { connection } from "./connection.js";
import { EventReader } from "./events.js";

/** The server shows every 15 seconds that the line is up. */
const LONGEST_SILENCE = 40_000;
/** A browser has six lines to a server, for all its tabs: one that nobody sees lets go of its own. */
const HIDDEN = 30_000;
const LONGEST_PAUSE = 30_000;
/** Milliseconds of work after which others have their turn. */
const SLICE = 12;

// As in `bot.web.api.streams.close_codes`; every other one means: come back later.
const ENDED = 1000;
const TOKEN_REFUSED = 4001;
const NOT_VISIBLE = 4004;
const AT_ONCE = new Set([1012, 4008]);

const SILENT = new Error("Nothing was heard for long.");
const LET_GO = new Error("Nobody looks.");

/**
 * Follows a stream until the signal says so; where the line is lost, it goes on after the last that was heard.
 * @param {string} path with the organization's, as `org` of api.js makes it
 * @param {object} options
 * @param {(frame: object) => void} options.onFrame is told each frame once, in order; `close` is not told
 * @param {(state: {name: "connecting"|"live"|"lost"|"ended"|"refused", sentence: string}) => void} options.onState
 *   `lost`: it is tried again; `ended`: all was told; `refused`: this token may not, or there is no such stream
 * @param {AbortSignal} options.signal
 * @returns {() => void} asks again at once: also of a stream that had ended, where it may go on
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

  /** Until the line ends, in whichever way. */
  async function listen() {
    line = new AbortController();
    const { signal: cut } = line;
    const stop = () => line.abort();
    signal.addEventListener("abort", stop, { signal: cut });
    let silence = null;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => line.abort(SILENT), LONGEST_SILENCE);
    };
    let answer = null;
    try {
      heard();
      // A tab may be opened where nobody sees it, and a line may come back while nobody does: no event tells of it.
      look();
      answer = await fetch(path, { signal: cut, cache: "no-store", headers: headers() });
      connection.found();
      if (answer.status === 204) return ended();
      if (!answer.ok) return await refused(answer);
      onState({ name: "live", sentence: "Live" });
      return await read(answer.body, heard, cut);
    } catch (error) {
      if (cut.reason === LET_GO) return { name: "away" };
      if (cut.aborted) return lost("The line was silent for too long.");
      if (answer === null) connection.lost();
      return lost(answer === null ? "The server does not answer." : "The line is broken.");
    } finally {
      clearTimeout(silence);
      line.abort();
    }
  }

  function headers() {
    return { Accept: "text/event-stream", ...authorization(), ...(place ? { "Last-Event-ID": place } : {}) };
  }

  async function read(body, heard, cut) {
    const events = new EventReader();
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let problem = "";
    let since = performance.now();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return lost("The line is broken.");
      heard();
      for (const event of events.read(value)) {
        const frame = JSON.parse(event.data);
        if (event.type === "close") return closed(frame, problem);
        if (event.type === "error" && frame.code) problem = frame.message;
        tell(frame);
        // What was told is not asked for again, even where the line is lost while others have their turn.
        place = event.id || place;
        if (performance.now() - since > SLICE) {
          await othersFirst();
          cut.throwIfAborted();
          since = performance.now();
        }
      }
    }
  }

  /** A mistake in what is made of a frame is no broken line. */
  function tell(frame) {
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
    // What follows the semicolon is for programs.
    return lost(problem || reason.replace(/;.*/, "."), AT_ONCE.has(code) ? 500 : null);
  }

  async function refused(answer) {
    const problem = await refusal(answer);
    if (answer.status < 500 && answer.status !== 429) return { name: "refused", sentence: problem.message };
    return lost(problem.message, problem.retryAfter && problem.retryAfter * 1_000);
  }

  function lost(sentence, pause = null) {
    failures += 1;
    // Not all at the same moment: there may be many tabs.
    const growing = Math.min(LONGEST_PAUSE, 500 * 2 ** failures) * (0.75 + Math.random() / 2);
    return { name: "lost", sentence, pause: pause ?? growing };
  }

  function ended() {
    failures = 0;
    return { name: "ended", sentence: "Ended" };
  }

  /** Until it is time to come back, or somebody asks for it. */
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
  function look() {
    clearTimeout(hidden);
    if (document.hidden) hidden = setTimeout(() => line.abort(LET_GO), HIDDEN);
    else if (line.signal.reason === LET_GO) wake();
  }

  document.addEventListener("visibilitychange", look, { signal });
  connection.addEventListener("again", () => wake(), { signal });
  signal.addEventListener("abort", () => (clearTimeout(hidden), wake()));
  keepOn();
  return () => {
    // The answer to a question that is already on its way may be older than the reason to ask again.
    isWanted = true;
    wake();
  };
}

/** Lets the browser draw and hear the keyboard in the middle of much work. */
export function othersFirst() {
  return globalThis.scheduler?.yield ? scheduler.yield() : new Promise((resolve) => setTimeout(resolve));
}
