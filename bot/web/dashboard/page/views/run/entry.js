// One entry of a log.

import { h } from "../../dom.js";
import { inert } from "../../inert.js";
import { isIn } from "./matching.js";
import { fold, marked, textBlock } from "./values.js";

const SHORT = 400;
const FOLDS = [
  ["tool_input", "Input"],
  ["tool_output", "Output"],
  ["observation", "Observation"],
];

/** "FINAL_ANSWER" as "final answer". */
export function kindWords(type) {
  return inert((type || "entry").slice(0, 60).replaceAll("_", " ").toLowerCase());
}

/**
 * @param {object} entry with its `index` in the log and `gap`, the seconds since the one before it (null: unknown)
 * @param {{position: number, sought: string, opened: Map<string, boolean>}} options `opened` remembers which folds are
 *   open or closed by hand
 */
export function entryRow(entry, { position, sought, opened }) {
  const isInline = entry.observation !== null && isShort(entry);
  return h(
    "div.entry",
    { role: "listitem", "aria-posinset": position, "aria-setsize": -1, data: { index: entry.index, type: entry.message_type || "" } },
    head(entry, sought),
    entry.thought && textBlock(entry.thought, sought),
    isInline && textBlock(entry.observation, sought),
    FOLDS.filter(([field]) => entry[field] !== null && entry[field] !== undefined && !(field === "observation" && isInline)).map(([field, name]) => folded(entry, field, name, { sought, opened })),
  );
}

function head(entry, sought) {
  const at = entry.created_at && new Date(entry.created_at);
  return h(
    "p.entry-head",
    {},
    h("span.number", {}, `${entry.index + 1}`),
    at && h("time", { datetime: entry.created_at, title: at.toLocaleString() }, at.toLocaleTimeString()),
    h("span.kind", {}, kindWords(entry.message_type)),
    entry.tool_name && h("code.tool", {}, ...marked(inert(entry.tool_name.slice(0, 100)), sought)),
    entry.gap !== null && entry.gap >= 0.05 && h("span.quiet", {}, `+${entry.gap < 10 ? entry.gap.toFixed(1) : Math.round(entry.gap)} s`),
  );
}

function isShort({ observation, tool_name: tool }) {
  return typeof observation === "string" && (!tool || observation.length <= SHORT);
}

function folded(entry, field, name, { sought, opened }) {
  const key = `${entry.index}:${field}`;
  // What was searched for is seen; what somebody has opened or closed stays as they left it.
  const isOpen = opened.get(key) ?? (sought !== "" && isIn(entry[field], sought.toLowerCase()));
  return fold(name, entry[field], { sought, isOpen, toggled: (open) => open !== isOpen || opened.has(key) ? opened.set(key, open) : null });
}
