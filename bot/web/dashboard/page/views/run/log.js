// A run's live log: read from the stream, filtered by kind and words, shown in chunks.

import { org } from "../../api.js";
import { button, h } from "../../dom.js";
import { go } from "../../router.js";
import { follow, yieldToBrowser } from "../../stream.js";
import { count } from "../../words.js";
import { Chunks } from "./chunks.js";
import { entryRow } from "./entry.js";
import { kindFilter } from "./kinds.js";
import { matcher } from "./matching.js";

const TYPING = 200;
const SLICE = 12;
/** Milliseconds between two times that new entries are shown. */
const BETWEEN = 150;
/** Milliseconds between two announcements of new entries to screen readers. */
const ANNOUNCE_EVERY = 15_000;
/** Milliseconds after which the existing entries are assumed to be received: the stream does not mark their end. */
const CATCHING_UP = 2_000;

/**
 * @param {number} run
 * @param {{signal: AbortSignal, isFinished: boolean, target: number, onStatus: (frame: object) => void, onEntry: (entry: object) => void}} options
 *   `target`: the number of the entry to go to, from 1; 0: none. `onEntry` is called with each entry once, in order, with
 *   `gap`: the seconds since the previous one
 * @returns {{element: HTMLElement, again: () => void, hasEnded: () => boolean}}
 */
export function runLog(run, { signal, isFinished, target, onStatus, onEntry }) {
  const entries = [];
  let isSought = target > 0;
  let areOpen = false;
  const opened = new Map();
  let wanted = { kind: "", sought: "" };
  let isWanted = matcher(wanted);
  let filteredUpTo = 0;
  let unseen = 0;
  // The index of the first new entry; until it is known, all entries are old.
  let newFrom = Infinity;
  let filtering = null;
  let frame = null;
  let waiting = null;
  let shownAt = -Infinity;
  let state = { name: "connecting" };

  const rowOf = (entry, position) => entryRow(entry, { position, sought: wanted.sought, opened, areOpen, isTarget: entry.index + 1 === target, addressOf });
  const chunks = new Chunks(rowOf, { label: "Entries", signal, moved: showJump });
  // The log of a finished run is read from its beginning.
  chunks.follows = !isFinished && !isSought;
  const kinds = kindFilter(narrow);
  const words = h("input", { id: "log-words", type: "search", maxlength: 200, autocomplete: "off", spellcheck: "false", on: { input: () => typed() } });
  const amount = h("span.amount", {});
  const line = h("p.line", { role: "status" });
  const announcement = h("p.unseen", { role: "status" });
  const jump = button("", toEnd, { class: "jump", hidden: true });
  const open = button("Expand all", toggleAll, { "aria-pressed": "false" });
  const alone = button("Full screen", toggleAlone, { "aria-pressed": "false" });
  const empty = h("p.state", { hidden: true });
  const element = h(
    "section.log",
    { "aria-labelledby": "log-title" },
    h(
      "div.log-bar",
      {},
      h("div.log-top", {}, h("h2", { id: "log-title" }, "Log"), amount, line, jump),
      h("div.log-filters", { role: "search", "aria-label": "In the log" }, kinds.element, h("label", {}, "Search", words), h("div.buttons", {}, open, alone)),
    ),
    h("div.log-box", { on: { click: clicked } }, chunks.region, empty),
    announcement,
  );
  document.addEventListener("keydown", (event) => event.key === "Escape" && !event.defaultPrevented && element.classList.contains("is-alone") && !document.querySelector("dialog:modal") && toggleAlone(), { signal });
  const again = follow(org(`/agent/run/${run}/logs/stream`), { onFrame, onState, signal });
  let typing = null;
  let announcing = setTimeout(announceLater, ANNOUNCE_EVERY);
  let announcedUpTo = 0;
  let catching = null;
  signal.addEventListener("abort", () => {
    for (const timer of [typing, announcing, catching, waiting]) clearTimeout(timer);
    cancelAnimationFrame(frame);
  });
  return { element, again, hasEnded: () => state.name === "ended" };

  function onFrame(received) {
    if (received.type === "error") {
      line.dataset.state = "lost";
      line.textContent = received.message;
      return;
    }
    if (line.dataset.state !== state.name) showState();
    if (received.type === "log") take(received);
    else if (received.type === "status") onStatus(received);
    else if (received.type === "end") caughtUp();
  }

  function take({ index, log }) {
    if (index < entries.length) return;
    const before = entries.at(-1)?.created_at;
    const gap = before && log.created_at ? Math.max(0, (Date.parse(log.created_at) - Date.parse(before)) / 1000) : null;
    const entry = { ...log, index, gap };
    entries.push(entry);
    kinds.add(entry);
    onEntry(entry);
    // A long log arrives in thousands of parts: each time it is shown, the whole page is laid out again.
    if (shownAt + BETWEEN > performance.now()) waiting ??= setTimeout(show, BETWEEN);
    else frame ??= requestAnimationFrame(show);
  }

  /** Shows new entries; at once, or a moment after the ones before. */
  function show() {
    cancelAnimationFrame(frame);
    clearTimeout(waiting);
    frame = waiting = null;
    shownAt = performance.now();
    if (filtering) return;
    const fresh = entries.slice(filteredUpTo).filter(isWanted);
    filteredUpTo = entries.length;
    chunks.append(fresh);
    if (isSought && entries.length >= target) {
      isSought = false;
      chunks.goTo(target - 1);
    }
    if (!chunks.follows) unseen += fresh.filter(({ index }) => index >= newFrom).length;
    showCounts();
  }

  function showCounts() {
    const isNarrowed = wanted.kind !== "" || wanted.sought !== "";
    amount.textContent = isNarrowed ? `${chunks.length.toLocaleString("en")} of ${count(entries.length, "entry", "entries")}` : count(entries.length, "entry", "entries");
    empty.hidden = chunks.length > 0 || filtering !== null;
    empty.textContent = emptyWords(isNarrowed);
    showJump();
  }

  function emptyWords(isNarrowed) {
    if (isNarrowed && entries.length) return "No entries match.";
    return { connecting: "Loading the log …", live: "No entries yet.", ended: "The log is empty.", refused: "The log cannot be shown." }[state.name] ?? "The log is not available yet.";
  }

  function showJump() {
    if (chunks.follows) unseen = 0;
    jump.textContent = unseen ? `${unseen.toLocaleString("en")} new ${unseen === 1 ? "entry" : "entries"} ↓` : "To the end ↓";
    const isHidden = chunks.follows || chunks.length === 0;
    if (isHidden && document.activeElement === jump) chunks.region.focus({ preventScroll: true });
    jump.hidden = isHidden;
  }

  function toEnd() {
    chunks.toEnd();
    showJump();
  }

  function addressOf(number) {
    return `#/runs/${run}?entry=${number}`;
  }

  /** A click on an entry's number makes its address that of the page. */
  function clicked(event) {
    const link = event.target.closest("a.number");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    target = Number(link.dataset.number);
    go(addressOf(target), { replace: true });
    element.querySelector(".is-target")?.classList.remove("is-target");
    link.closest(".entry").classList.add("is-target");
  }

  function toggleAll() {
    areOpen = !areOpen;
    opened.clear();
    open.textContent = areOpen ? "Collapse all" : "Expand all";
    open.setAttribute("aria-pressed", String(areOpen));
    chunks.redraw();
  }

  /** The log alone, in the whole window. */
  function toggleAlone() {
    chunks.keepPlace(() => {
      const isAlone = element.classList.toggle("is-alone");
      alone.textContent = isAlone ? "Exit full screen" : "Full screen";
      alone.setAttribute("aria-pressed", String(isAlone));
    });
  }

  function onState(now) {
    state = now;
    showState();
    // The log of a finished run has an end, by which all of it was received.
    if (state.name === "live" && !isFinished) catching ??= setTimeout(caughtUp, CATCHING_UP);
    showCounts();
  }

  function showState() {
    line.dataset.state = state.name;
    line.textContent = state.name === "lost" ? `${state.sentence} Reconnecting …` : state.sentence;
  }

  function caughtUp() {
    newFrom = Math.min(newFrom, entries.length);
    announcedUpTo = Math.max(announcedUpTo, newFrom);
  }

  function announceLater() {
    const fresh = entries.length - announcedUpTo;
    if (newFrom < Infinity && fresh > 0) {
      announcedUpTo = entries.length;
      announcement.textContent = `${count(fresh, "new entry", "new entries")} in the log.`;
    }
    announcing = setTimeout(announceLater, ANNOUNCE_EVERY);
  }

  function typed() {
    clearTimeout(typing);
    typing = setTimeout(narrow, TYPING);
  }

  /** Filters the whole log in slices, so that typing is not blocked. */
  async function narrow() {
    wanted = { kind: kinds.chosen, sought: words.value.trim() };
    isWanted = matcher(wanted);
    const mine = (filtering = {});
    chunks.region.setAttribute("aria-busy", "true");
    const found = [];
    let since = performance.now();
    for (let at = 0; at < entries.length; at += 1) {
      if (isWanted(entries[at])) found.push(entries[at]);
      if (performance.now() - since < SLICE) continue;
      await yieldToBrowser();
      if (signal.aborted || filtering !== mine) return;
      since = performance.now();
    }
    filtering = null;
    chunks.region.removeAttribute("aria-busy");
    filteredUpTo = entries.length;
    chunks.replace(found);
    showCounts();
  }
}
