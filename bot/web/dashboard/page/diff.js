// A file's patch as a table: unified, or both versions side by side.

import { button, h } from "./dom.js";
import { inert } from "./inert.js";

/** Lines that are rendered at first. */
const MOST = 300;
const HUNK = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@ ?(.*)$/;

/**
 * @param {string} patch hunks in unified form
 * @returns {{kind: "hunk"|"same"|"old"|"new", before: number|null, after: number|null, text: string}[]}
 */
export function linesOf(patch) {
  const lines = [];
  let [before, after] = [0, 0];
  for (const line of patch.split("\n")) {
    const hunk = HUNK.exec(line);
    if (hunk) {
      [before, after] = [Number(hunk[1]), Number(hunk[2])];
      lines.push({ kind: "hunk", before: null, after: null, text: hunk[3] });
    } else if (line.startsWith("-")) lines.push({ kind: "old", before: before++, after: null, text: line.slice(1) });
    else if (line.startsWith("+")) lines.push({ kind: "new", before: null, after: after++, text: line.slice(1) });
    // "\ No newline at end of file"
    else if (!line.startsWith("\\")) lines.push({ kind: "same", before: before++, after: after++, text: line.slice(1) });
  }
  return lines;
}

/**
 * Pairs the lines of both versions: a removed line stands beside the one that was added in its place.
 * @returns {{hunk?: string, left: object|null, right: object|null}[]}
 */
export function pairsOf(lines) {
  const pairs = [];
  for (let at = 0; at < lines.length; ) {
    const line = lines[at];
    if (line.kind === "hunk" || line.kind === "same") {
      pairs.push(line.kind === "hunk" ? { hunk: line.text, left: null, right: null } : { left: line, right: line });
      at += 1;
      continue;
    }
    const start = at;
    while (lines[at]?.kind === "old") at += 1;
    const removed = lines.slice(start, at);
    const middle = at;
    while (lines[at]?.kind === "new") at += 1;
    const added = lines.slice(middle, at);
    for (let index = 0; index < Math.max(removed.length, added.length); index += 1) pairs.push({ left: removed[index] ?? null, right: added[index] ?? null });
  }
  return pairs;
}

/**
 * The table of a patch.
 * @param {{path: string, patch: string}} file
 * @param {{isSplit: boolean}} options `isSplit`: both versions side by side
 */
export function diffTable({ path, patch }, { isSplit }) {
  const pairs = pairsOf(linesOf(patch));
  const rows = isSplit ? pairs.map((pair) => () => splitRow(pair)) : unifiedRows(pairs);
  const body = h("tbody", {}, ...rows.slice(0, MOST).map((make) => make()));
  const table = h(`table.diff${isSplit ? ".split" : ""}`, { "aria-label": `Changes of ${inert(path)}` }, columns(isSplit), body);
  if (rows.length <= MOST) return table;
  const more = button(`Show all ${rows.length.toLocaleString("en")} lines`, () => {
    body.append(...rows.slice(MOST).map((make) => make()));
    more.remove();
  });
  return h("div", {}, table, h("p.more-lines", {}, more));
}

function columns(isSplit) {
  const numbers = isSplit ? [true, false, true, false] : [true, true, false];
  return h("colgroup", {}, numbers.map((isNumber) => h(isNumber ? "col.numbers" : "col")));
}

/** Removed lines before added ones, as git has them. */
function unifiedRows(pairs) {
  const rows = [];
  for (let at = 0; at < pairs.length; ) {
    const pair = pairs[at];
    if (pair.hunk !== undefined || pair.left === pair.right) {
      rows.push(() => (pair.hunk === undefined ? unifiedRow(pair.left, null) : hunkRow(pair.hunk, 3)));
      at += 1;
      continue;
    }
    const start = at;
    while (pairs[at] && pairs[at].hunk === undefined && pairs[at].left !== pairs[at].right) at += 1;
    const changed = pairs.slice(start, at);
    for (const { left, right } of changed) if (left) rows.push(() => unifiedRow(left, right));
    for (const { left, right } of changed) if (right) rows.push(() => unifiedRow(right, left));
  }
  return rows;
}

function unifiedRow(line, other) {
  return h(`tr.${line.kind}`, {}, number(line.before), number(line.after), code(line, other));
}

function splitRow({ hunk, left, right }) {
  if (hunk !== undefined) return hunkRow(hunk, 4);
  return h("tr", {}, ...side(left, right, "before"), ...side(right, left, "after"));
}

function side(line, other, which) {
  if (!line) return [h("td.number.none"), h("td.none")];
  const kind = line.kind === "same" ? "same" : line.kind;
  return [number(line[which], kind), code(line, line === other ? null : other, kind)];
}

function hunkRow(text, span) {
  return h("tr.hunk", {}, h("td", { colspan: span }, "⋯ ", inert(text)));
}

function number(value, kind = "") {
  return h(`td.number${kind && `.${kind}`}`, {}, value === null ? "" : String(value));
}

const SIGNS = { old: "−", new: "+", same: " " };

function code(line, other, kind = "") {
  return h(`td.code${kind && `.${kind}`}`, {}, h("span.sign", {}, SIGNS[line.kind]), ...changedPart(line.text, other?.text));
}

/** The text with the part marked that differs from the line in whose place it stands. */
function changedPart(text, other) {
  if (other === undefined || other === text) return [inert(text)];
  const most = Math.min(text.length, other.length);
  let start = 0;
  while (start < most && text[start] === other[start]) start += 1;
  let end = 0;
  while (end < most - start && text[text.length - 1 - end] === other[other.length - 1 - end]) end += 1;
  // Marking nearly all of a line tells nothing.
  if (text.trim() === "" || start + end < 0.3 * Math.max(text.length, other.length)) return [inert(text)];
  const middle = text.slice(start, text.length - end);
  return [inert(text.slice(0, start)), middle && h("span.changed", {}, inert(middle)), inert(text.slice(text.length - end))].filter((part) => part !== "");
}
