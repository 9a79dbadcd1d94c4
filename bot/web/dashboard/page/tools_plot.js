// A run's time by tool, as bars in a table.

import { h } from "./dom.js";
import { inert } from "./inert.js";
import { count, duration, share } from "./words.js";

const MOST = 10;
const BETWEEN = 500;
const OTHERS = "all others";
const NO_TOOL = "thinking and writing";

/** An entry is written when its tool has finished, so the time before it belongs to the tool. */
const ABOUT = "The time before a log entry counts for its tool, because the entry is written when the tool has finished; it includes the thinking before the call.";

/**
 * A table that is updated as the log grows.
 * @returns {{element: HTMLElement, add: (entry: object) => void}} call `add` with the entries in order,
 *   each with `gap`, the seconds since the previous one (null if unknown)
 */
export function toolsPlot(signal) {
  const times = new Map();
  const rows = new Map();
  let timer = null;
  const body = h("tbody", {});
  const sum = h("p.quiet", {});
  const table = h(
    "table.times",
    {},
    h("caption", {}, ABOUT),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Tool"), h("th", { scope: "col" }, "Time"), h("th", { scope: "col" }, "Share"), h("th", { scope: "col" }, "Entries"))),
    body,
  );
  const element = h("section.tools", { "aria-labelledby": "tools-title", hidden: true }, h("h2", { id: "tools-title" }, "Time per tool"), sum, h("div.wide", {}, table));
  signal.addEventListener("abort", () => clearTimeout(timer));
  return { element, add };

  function add(entry) {
    // Before a follow-up the agent did not work.
    if (entry.gap === null || entry.message_type?.startsWith("USER_")) return;
    const name = entry.tool_name || NO_TOOL;
    const known = times.get(name) ?? { seconds: 0, entries: 0 };
    times.set(name, { seconds: known.seconds + entry.gap, entries: known.entries + 1 });
    // Not one redraw per entry.
    timer ??= setTimeout(draw, rows.size ? BETWEEN : 50);
  }

  function draw() {
    timer = null;
    const all = ranked();
    const whole = all.reduce((total, [, { seconds }]) => total + seconds, 0);
    element.hidden = whole === 0;
    sum.textContent = `${duration(whole)} of work, in ${count(all.length, "part")}.`;
    const most = Math.max(...all.map(([, { seconds }]) => seconds), Number.MIN_VALUE);
    const drawn = all.map(([name, time]) => row(name, time, { whole, most }));
    for (const [name, { element: old }] of rows) {
      if (drawn.includes(old)) continue;
      old.remove();
      rows.delete(name);
    }
    // Moves only the rows that are in the wrong place.
    drawn.forEach((each, at) => body.children[at] !== each && body.insertBefore(each, body.children[at] ?? null));
  }

  function ranked() {
    const all = [...times].sort(([, one], [, other]) => other.seconds - one.seconds);
    if (all.length <= MOST) return all;
    const rest = all.slice(MOST - 1).map(([, time]) => time);
    const others = { seconds: rest.reduce((total, each) => total + each.seconds, 0), entries: rest.reduce((total, each) => total + each.entries, 0) };
    return [...all.slice(0, MOST - 1), [OTHERS, others]];
  }

  function row(name, { seconds, entries }, { whole, most }) {
    const known = rows.get(name) ?? newRow(name);
    known.bar.style.inlineSize = `${(100 * seconds) / most}%`;
    known.time.textContent = seconds < 10 ? `${seconds.toFixed(1)} s` : duration(seconds);
    known.share.textContent = share(seconds / (whole || 1));
    known.entries.textContent = entries.toLocaleString("en");
    return known.element;
  }

  function newRow(name) {
    const bar = h("span.bar", { "aria-hidden": "true" });
    const [time, share, entries] = [h("td.figure", {}), h("td.figure", {}), h("td.figure", {})];
    const isOurs = [OTHERS, NO_TOOL].includes(name);
    const words = isOurs ? h("i", {}, name) : h("code", {}, inert(name.slice(0, 60)));
    const made = { bar, time, share, entries, element: h("tr", {}, h("th", { scope: "row" }, words, h("span.track", { "aria-hidden": "true" }, bar)), time, share, entries) };
    rows.set(name, made);
    return made;
  }
}
