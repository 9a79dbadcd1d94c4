// A run's log as it grows: heard from the stream, narrowed by kind and words, shown in chunks.

import { org } from "../../api.js";
import { button, h } from "../../dom.js";
import { follow, othersFirst } from "../../stream.js";
import { count } from "../../words.js";
import { Chunks } from "./chunks.js";
import { entryRow } from "./entry.js";
import { kindFilter } from "./kinds.js";
import { matcher } from "./matching.js";

const TYPING = 200;
const SLICE = 12;
/** Screen readers hear of new entries no more often. */
const SAID = 15_000;
/** The stream does not say where what it knows already ends: after so long it is taken to have been told. */
const CATCHING_UP = 2_000;

/**
 * @param {number} run
 * @param {{signal: AbortSignal, isFinished: boolean, onStatus: (frame: object) => void, onEntry: (entry: object) => void}} options
 *   `onEntry` is told each entry once, in order, with `gap`: the seconds since the one before it
 * @returns {{element: HTMLElement, again: () => void, hasEnded: () => boolean}}
 */
export function runLog(run, { signal, isFinished, onStatus, onEntry }) {
  const entries = [];
  const opened = new Map();
  let wanted = { kind: "", sought: "" };
  let isWanted = matcher(wanted);
  let looked = 0;
  let unseen = 0;
  // What comes from here on is new; until it is known, all is what there was.
  let newFrom = Infinity;
  let filtering = null;
  let frame = null;
  let state = { name: "connecting" };

  const chunks = new Chunks((entry, position) => entryRow(entry, { position, sought: wanted.sought, opened }), { label: "Entries", signal, moved: showJump });
  // Whoever opens the page of a run that has ended begins to read at its beginning.
  chunks.follows = !isFinished;
  const kinds = kindFilter(narrow);
  const words = h("input", { id: "log-words", type: "search", maxlength: 200, autocomplete: "off", spellcheck: "false", on: { input: () => typed() } });
  const amount = h("span.amount", {});
  const line = h("p.line", { role: "status" });
  const said = h("p.unseen", { role: "status" });
  const jump = button("", toEnd, { class: "jump", hidden: true });
  const empty = h("p.state", { hidden: true });
  const element = h(
    "section.log",
    { "aria-labelledby": "log-title" },
    h("div.log-top", {}, h("h2", { id: "log-title" }, "Log"), amount, line),
    h("div.log-filters", { role: "search", "aria-label": "In the log" }, kinds.element, h("label", {}, "Words", words)),
    h("div.log-box", {}, chunks.scroller, empty, jump),
    said,
  );
  const again = follow(org(`/agent/run/${run}/logs/stream`), { onFrame: hear, onState: tell, signal });
  let typing = null;
  let telling = setTimeout(sayLater, SAID);
  let saidUpTo = 0;
  let catching = null;
  signal.addEventListener("abort", () => {
    for (const timer of [typing, telling, catching]) clearTimeout(timer);
    cancelAnimationFrame(frame);
  });
  return { element, again, hasEnded: () => state.name === "ended" };

  function hear(heard) {
    if (heard.type === "error") {
      line.dataset.state = "lost";
      line.textContent = heard.message;
      return;
    }
    if (line.dataset.state !== state.name) sayState();
    if (heard.type === "log") take(heard);
    else if (heard.type === "status") onStatus(heard);
    else if (heard.type === "end") caughtUp();
  }

  function take({ index, log }) {
    if (index < entries.length) return;
    const before = entries.at(-1)?.created_at;
    const gap = before && log.created_at ? Math.max(0, (Date.parse(log.created_at) - Date.parse(before)) / 1000) : null;
    const entry = { ...log, index, gap };
    entries.push(entry);
    kinds.add(entry);
    onEntry(entry);
    frame ??= requestAnimationFrame(show);
  }

  /** What has come since the last time, at most once for each picture on the screen. */
  function show() {
    frame = null;
    if (filtering) return;
    const fresh = entries.slice(looked).filter(isWanted);
    looked = entries.length;
    chunks.append(fresh);
    if (!chunks.follows) unseen += fresh.filter(({ index }) => index >= newFrom).length;
    told();
  }

  function told() {
    const isNarrowed = wanted.kind !== "" || wanted.sought !== "";
    amount.textContent = isNarrowed ? `${chunks.length.toLocaleString("en")} of ${count(entries.length, "entry", "entries")}` : count(entries.length, "entry", "entries");
    empty.hidden = chunks.length > 0 || filtering !== null;
    empty.textContent = emptyWords(isNarrowed);
    showJump();
  }

  function emptyWords(isNarrowed) {
    if (isNarrowed && entries.length) return "No entry is like that.";
    return { connecting: "The log is being read …", live: "Nothing has been written yet.", ended: "The log is empty.", refused: "The log cannot be shown." }[state.name] ?? "The log is not known yet.";
  }

  function showJump() {
    if (chunks.follows) unseen = 0;
    jump.textContent = unseen ? `${unseen.toLocaleString("en")} new ${unseen === 1 ? "entry" : "entries"} ↓` : "To the end ↓";
    const isHidden = chunks.follows || chunks.length === 0;
    if (isHidden && document.activeElement === jump) chunks.scroller.focus();
    jump.hidden = isHidden;
  }

  function toEnd() {
    chunks.toEnd();
    showJump();
  }

  function tell(now) {
    state = now;
    sayState();
    if (state.name === "live") catching ??= setTimeout(caughtUp, CATCHING_UP);
    told();
  }

  function sayState() {
    line.dataset.state = state.name;
    line.textContent = state.name === "lost" ? `Lost: ${state.sentence} It is tried again.` : state.sentence;
  }

  function caughtUp() {
    newFrom = Math.min(newFrom, entries.length);
    saidUpTo = Math.max(saidUpTo, newFrom);
  }

  function sayLater() {
    const fresh = entries.length - saidUpTo;
    if (newFrom < Infinity && fresh > 0) {
      saidUpTo = entries.length;
      said.textContent = `${count(fresh, "new entry", "new entries")} in the log.`;
    }
    telling = setTimeout(sayLater, SAID);
  }

  function typed() {
    clearTimeout(typing);
    typing = setTimeout(narrow, TYPING);
  }

  /** Looks through the whole log, in slices, so that one can go on typing meanwhile. */
  async function narrow() {
    wanted = { kind: kinds.chosen, sought: words.value.trim() };
    isWanted = matcher(wanted);
    const mine = (filtering = {});
    chunks.scroller.setAttribute("aria-busy", "true");
    const found = [];
    let since = performance.now();
    for (let at = 0; at < entries.length; at += 1) {
      if (isWanted(entries[at])) found.push(entries[at]);
      if (performance.now() - since < SLICE) continue;
      await othersFirst();
      if (signal.aborted || filtering !== mine) return;
      since = performance.now();
    }
    filtering = null;
    chunks.scroller.removeAttribute("aria-busy");
    looked = entries.length;
    chunks.replace(found);
    told();
  }
}
