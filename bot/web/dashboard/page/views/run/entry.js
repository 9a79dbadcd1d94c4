// One entry of a log.

import { copyButton } from "../../copying.js";
import { h } from "../../dom.js";
import { inert } from "../../inert.js";
import { stepOf } from "../../steps.js";
import { duration } from "../../words.js";
import { isIn } from "./matching.js";
import { copied, fold, marked, said, textBlock } from "./values.js";

const SHORT = 400;
/** Characters and lines of a prompt that is shown at once. */
const SHORT_PROMPT = 300;
const SHORT_PROMPT_LINES = 4;
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
 * @param {{position: number, sought: string, opened: Map<string, boolean>, areOpen: boolean, isTarget: boolean, addressOf: (number: number) => string}} options
 *   `opened` remembers which folds are opened or closed by hand; `areOpen`: whether the others are open; `addressOf`: of the
 *   entry with this number
 */
export function entryRow(entry, { position, sought, opened, areOpen, isTarget, addressOf }) {
  const form = formOf(entry);
  return h(
    `div.entry${isTarget ? ".is-target" : ""}`,
    { role: "listitem", "aria-posinset": position, "aria-setsize": -1, id: `entry-${entry.index + 1}`, data: { index: entry.index, type: entry.message_type || "" } },
    head(entry, { sought, addressOf }),
    entry.thought && said(entry.thought, sought),
    form === "said" && said(entry.observation, sought),
    form === "output" && textBlock(entry.observation, sought),
    FOLDS.filter(([field]) => entry[field] !== null && entry[field] !== undefined && !(field === "observation" && (form === "said" || form === "output"))).map(([field, name]) =>
      folded(entry, field, form === "prompt" && field === "observation" ? "Prompt" : name, { sought, opened, areOpen, isProse: form === "prompt" && field === "observation" }),
    ),
  );
}

/**
 * How an observation is shown: "said" is what an agent or a person wrote, "prompt" the same, folded because it is long,
 * "output" a tool's short text, "fold" everything else.
 */
function formOf({ observation, tool_name: tool, message_type: type }) {
  if (typeof observation !== "string") return "fold";
  if (tool) return observation.length <= SHORT ? "output" : "fold";
  const isLong = observation.length > SHORT_PROMPT || observation.split("\n", SHORT_PROMPT_LINES + 1).length > SHORT_PROMPT_LINES;
  return type?.startsWith("USER_") && isLong ? "prompt" : "said";
}

function head(entry, { sought, addressOf }) {
  const at = entry.created_at && new Date(entry.created_at);
  const step = stepOf(entry);
  const number = entry.index + 1;
  return h(
    "div.entry-head",
    {},
    h("a.number", { href: addressOf(number), "aria-label": `Entry ${number}, link`, data: { number } }, `${number}`),
    at && h("time", { datetime: entry.created_at, title: at.toLocaleString("en-GB") }, at.toLocaleTimeString("en-GB")),
    (!step || entry.message_type !== "ACTION") && h("span.entry-kind", {}, kindWords(entry.message_type)),
    step && h("code.tool", {}, ...marked(step.tool, sought)),
    step?.target && h("code.target", { title: step.target }, step.target),
    entry.gap !== null && entry.gap >= 0.05 && h("span.gap", {}, `+${entry.gap < 10 ? `${entry.gap.toFixed(1)} s` : duration(entry.gap)}`),
    copyButton(() => textOf(entry), `Copy entry ${number}`),
  );
}

function textOf(entry) {
  const parts = [entry.tool_name, entry.thought, ...FOLDS.map(([field]) => entry[field])];
  return parts.filter((part) => part !== null && part !== undefined && part !== "").map(copied).join("\n\n");
}

function folded(entry, field, name, { sought, opened, areOpen, isProse }) {
  const key = `${entry.index}:${field}`;
  // A match is shown; what was opened or closed by hand stays so.
  const isOpen = opened.get(key) ?? (areOpen || (sought !== "" && isIn(entry[field], sought.toLowerCase())));
  return fold(name, entry[field], { sought, isOpen, isProse, toggled: (open) => open !== isOpen || opened.has(key) ? opened.set(key, open) : null });
}
