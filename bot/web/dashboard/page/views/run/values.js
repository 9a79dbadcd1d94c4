// Renders texts and values of a log: long ones are cut, a tool's are collapsible.

import { copyButton } from "../../copying.js";
import { button, h } from "../../dom.js";
import { inert } from "../../inert.js";
import { markdown } from "../../markdown.js";

const LONGEST = 2_000;
/** Characters added by one click; more would block the tab. */
const PART = 200_000;
const AROUND = 200;
const MOST_KEYS = 100;
const MOST_MARKS = 100;
const LONGEST_MARKDOWN = 20_000;

/** What an agent or a person wrote: Markdown; while it is searched, its source with the matches. */
export function said(text, sought = "", { under = 4 } = {}) {
  const whole = String(text);
  if (sought || whole.length > LONGEST_MARKDOWN) return h("div.said", {}, textBlock(whole, sought));
  return h("div.said.prose", {}, ...markdown(whole, { under }));
}

/** A text of any length. @param {string} sought what is highlighted in it */
export function textBlock(text, sought = "") {
  const whole = String(text);
  const shown = h("pre.text", {}, ...marked(inert(whole.slice(0, LONGEST)), sought));
  if (whole.length <= LONGEST) return shown;
  let end = LONGEST;
  const more = button(words(), show);
  return h("div.cut", {}, shown, around(whole, sought), more);

  function words() {
    const left = whole.length - end;
    const size = `${whole.length.toLocaleString("en")} characters`;
    return left <= PART ? `Show all of ${size}` : `Show ${PART.toLocaleString("en")} more of ${size}`;
  }

  function show() {
    const part = h("pre.text", { tabindex: "-1" }, ...marked(inert(whole.slice(end, end + PART)), sought));
    end += PART;
    more.before(part);
    more.textContent = words();
    if (end < whole.length) return;
    part.focus({ preventScroll: true });
    more.remove();
  }
}

/** The surroundings of the first match beyond the part that is shown. */
function around(whole, sought) {
  const at = sought ? whole.toLowerCase().indexOf(sought.toLowerCase()) : -1;
  if (at < LONGEST) return null;
  return h("pre.text", {}, "… ", ...marked(inert(whole.slice(Math.max(LONGEST, at - AROUND), at + sought.length + AROUND)), sought), " …");
}

/** A collapsible value with a preview; rendered when it is opened. */
export function fold(name, value, { sought, isOpen, toggled, isProse = false }) {
  const made = h("details.fold", { open: isOpen, on: { toggle } }, h("summary", {}, h("b", {}, name), " ", h("span.quiet", {}, inert(preview(value)))));
  let isBuilt = false;
  if (isOpen) build();
  return made;

  function toggle() {
    if (made.open) build();
    toggled(made.open);
  }

  function build() {
    if (isBuilt) return;
    isBuilt = true;
    made.append(isProse ? said(value, sought) : h("div.output", {}, copyButton(() => copied(value), `Copy the ${name.toLowerCase()}`), valueBlock(value, sought)));
  }
}

function valueBlock(value, sought) {
  if (typeof value !== "object" || value === null) return textBlock(value, sought);
  if (Array.isArray(value)) return textBlock(written(value), sought);
  const pairs = Object.entries(value);
  const block = h("dl.value", {}, ...pairs.slice(0, MOST_KEYS).map(([key, each]) => h("div", {}, h("dt", {}, ...marked(inert(key.slice(0, LONGEST)), sought)), h("dd", {}, textBlock(written(each), sought)))));
  if (pairs.length <= MOST_KEYS) return block;
  return h("div", {}, block, textBlock(written(Object.fromEntries(pairs.slice(MOST_KEYS))), sought));
}

/** The text of a value, as it is copied. */
export function copied(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? JSON.stringify(value, null, 2) : written(value);
}

/** Text as it is, a list of lines as lines, everything else as JSON. */
function written(value) {
  if (typeof value === "string") return value;
  if (Array.isArray(value) && value.length && value.every((each) => typeof each === "string")) return value.join("\n");
  return JSON.stringify(value, null, 2);
}

function preview(value) {
  if (typeof value !== "object" || value === null) return brief(value);
  if (Array.isArray(value)) return `${value.length} ${value.length === 1 ? "item" : "items"}`;
  return Object.entries(value)
    .slice(0, 4)
    .map(([key, each]) => `${brief(key)}: ${brief(each)}`)
    .join(", ");
}

function brief(value) {
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "[…]" : "{…}";
  const line = String(value).slice(0, 80).split("\n")[0];
  return line.length < String(value).length ? `${line.slice(0, 79)}…` : line;
}

/** The text with the matches highlighted. */
export function marked(text, sought) {
  if (!sought) return [text];
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(new RegExp(sought.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"), "gi"))) {
    parts.push(text.slice(end, found.index), h("mark", {}, found[0]));
    end = found.index + found[0].length;
    if (parts.length > 2 * MOST_MARKS) break;
  }
  return [...parts, text.slice(end)];
}
