// Agents' Markdown as elements: paragraphs, headings, lists, tasks, tables, quotes, code, emphasis and links. Everything else,
// HTML above all, is text. Linear in the text's length, also for hostile texts.

import { copyButton } from "./copying.js";
import { h } from "./dom.js";
import { inert } from "./inert.js";
import { inlines } from "./markdown/inlines.js";

/** Quotes and lists in each other; what is deeper is a paragraph. */
const DEEPEST = 6;
const MOST_COLUMNS = 40;

const HEADING = /^ {0,3}(#{1,6})(?:[ \t]|$)/;
const UNDERLINE = /^ {0,3}(?:(=+)|-+)[ \t]*$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|(\d{1,9})[.)])(?:([ \t]{1,4})(?=\S)|[ \t]*$|[ \t])/;
const TASK = /^\[([ xX])\][ \t]+/;
const SIGNS = /[\\`*_~[\]#>|<\n+=-]|https?:|^ {4}|^\t|^\d{1,9}[.)]/;

/**
 * @param {string} text
 * @param {{under?: number}} options `under`: the level of the heading above
 * @returns {Node[]}
 */
export function markdown(text, { under = 2 } = {}) {
  const clean = inert(text);
  if (!SIGNS.test(clean)) return [h("p", {}, clean)];
  const lines = clean.split("\n");
  const highest = lines.reduce((least, line) => Math.min(least, HEADING.exec(line)?.[1].length ?? 6), 6);
  return new Blocks(lines, { shift: under + 1 - highest }).read();
}

class Blocks {
  #lines;
  #at = 0;
  #shift;
  #depth;

  constructor(lines, { shift, depth = 0 }) {
    [this.#lines, this.#shift, this.#depth] = [lines, shift, depth];
  }

  read() {
    const blocks = [];
    while (this.#at < this.#lines.length) {
      if (isBlank(this.#lines[this.#at])) this.#at += 1;
      else blocks.push(this.#block());
    }
    return blocks;
  }

  #block() {
    const line = this.#lines[this.#at];
    if (fenceOf(line)) return this.#fenced();
    if (/^(?: {4}|\t)/.test(line)) return this.#indented();
    if (HEADING.test(line)) return this.#heading();
    if (isRule(line)) return this.#rule();
    if (this.#depth < DEEPEST && QUOTE.test(line)) return this.#quote();
    if (this.#depth < DEEPEST && ITEM.test(line)) return this.#list();
    if (this.#isTable()) return this.#table();
    return this.#paragraph();
  }

  #inner(lines) {
    return new Blocks(lines, { shift: this.#shift, depth: this.#depth + 1 }).read();
  }

  #fenced() {
    const { indent, sign, length, language } = fenceOf(this.#lines[this.#at]);
    const start = (this.#at += 1);
    const isEnd = (line) => {
      const end = fenceOf(line);
      return end !== null && end.sign === sign && end.length >= length && end.language === "";
    };
    while (this.#at < this.#lines.length && !isEnd(this.#lines[this.#at])) this.#at += 1;
    const code = this.#lines.slice(start, this.#at).map((line) => withoutIndent(line, indent));
    this.#at += 1;
    return codeBlock(code.join("\n"), language);
  }

  #indented() {
    const start = this.#at;
    let end = start;
    for (; this.#at < this.#lines.length; this.#at += 1) {
      if (/^(?: {4}|\t)/.test(this.#lines[this.#at])) end = this.#at + 1;
      else if (!isBlank(this.#lines[this.#at])) break;
    }
    this.#at = end;
    const code = this.#lines.slice(start, end).map((line) => (line.startsWith("\t") ? line.slice(1) : withoutIndent(line, 4)));
    return codeBlock(code.join("\n"), "");
  }

  #heading() {
    const line = this.#lines[this.#at].trim();
    this.#at += 1;
    const level = HEADING.exec(line)[1].length;
    return this.#headingOf(level, line.slice(level).trim().replace(/(?:^|(?<=[ \t]))#{1,9}$/, ""));
  }

  #headingOf(level, words) {
    return h(`h${Math.max(1, Math.min(6, level + this.#shift))}`, {}, inlines(words.trim()));
  }

  #rule() {
    this.#at += 1;
    return h("hr");
  }

  #quote() {
    const lines = [];
    for (; this.#at < this.#lines.length && QUOTE.test(this.#lines[this.#at]); this.#at += 1) lines.push(this.#lines[this.#at].replace(QUOTE, ""));
    return h("blockquote", {}, this.#inner(lines));
  }

  #list() {
    const [, , sign, number] = ITEM.exec(this.#lines[this.#at]);
    const kind = sign.at(-1);
    const items = [];
    let isLoose = false;
    while (this.#at < this.#lines.length) {
      const found = ITEM.exec(this.#lines[this.#at]);
      if (!found || found[2].at(-1) !== kind || isRule(this.#lines[this.#at])) break;
      const { lines, hasGap } = this.#item(found);
      items.push(lines);
      const next = this.#lines[this.#at] === undefined ? null : ITEM.exec(this.#lines[this.#at]);
      isLoose ||= hasGap.inside || (hasGap.after && next?.[2].at(-1) === kind);
    }
    const made = items.map((lines) => this.#made(lines, isLoose));
    return number === undefined ? h("ul", {}, made) : h("ol", { start: number === "1" ? null : Number(number) }, made);
  }

  /** The lines of one item, without its indent. */
  #item(found) {
    const indent = found[4] === undefined ? found[1].length + found[2].length + 1 : found[0].length;
    const lines = [this.#lines[this.#at].slice(found[0].length)];
    const hasGap = { inside: false, after: false };
    let isCode = fenceOf(lines[0]) !== null;
    for (this.#at += 1; this.#at < this.#lines.length; this.#at += 1) {
      const line = this.#lines[this.#at];
      const isWithin = startOf(line) >= indent;
      if (isBlank(line)) hasGap.after = true;
      else if (isWithin) {
        hasGap.inside ||= hasGap.after && !isCode;
        hasGap.after = false;
        if (fenceOf(line.slice(indent))) isCode = !isCode;
      } else if (hasGap.after || startsBlock(line) || ITEM.test(line)) break;
      lines.push(withoutIndent(line, indent));
    }
    while (lines.length > 1 && isBlank(lines.at(-1))) lines.pop();
    return { lines, hasGap };
  }

  #made(lines, isLoose) {
    const task = TASK.exec(lines[0]);
    const blocks = this.#inner(task ? [lines[0].slice(task[0].length), ...lines.slice(1)] : lines);
    const content = isLoose ? blocks : blocks.flatMap((block) => (block.tagName === "P" ? [...block.childNodes] : [block]));
    if (!task) return h("li", {}, content);
    const isDone = task[1] !== " ";
    return h("li.task", {}, h("input", { type: "checkbox", disabled: true, checked: isDone, "aria-label": isDone ? "Done" : "To do" }), " ", content);
  }

  #isTable() {
    const [head, line] = [this.#lines[this.#at], this.#lines[this.#at + 1]];
    if (line === undefined || !head.includes("|") || !/^[ \t|:-]+$/.test(line) || !line.includes("-")) return false;
    const columns = cells(line);
    return columns.length === cells(head).length && columns.length <= MOST_COLUMNS && columns.every((each) => /^:?-+:?$/.test(each));
  }

  #table() {
    const head = cells(this.#lines[this.#at]);
    const sides = cells(this.#lines[this.#at + 1]).map((each) => (each.endsWith(":") ? (each.startsWith(":") ? "center" : "right") : null));
    const rows = [];
    for (this.#at += 2; this.#at < this.#lines.length; this.#at += 1) {
      const line = this.#lines[this.#at];
      if (isBlank(line) || !line.includes("|") || startsBlock(line)) break;
      rows.push(cells(line).slice(0, head.length));
    }
    const row = (words, tag) => h("tr", {}, words.map((each, at) => h(tag, { scope: tag === "th" ? "col" : null, class: sides[at] && `to-${sides[at]}` }, inlines(each))));
    const table = h("table", {}, h("thead", {}, row(head, "th")), h("tbody", {}, rows.map((each) => row(each, "td"))));
    return h("div.wide", { tabindex: 0, role: "group", "aria-label": "Table" }, table);
  }

  #paragraph() {
    const lines = [this.#lines[this.#at].trim()];
    for (this.#at += 1; this.#at < this.#lines.length; this.#at += 1) {
      const line = this.#lines[this.#at];
      const underline = UNDERLINE.exec(line);
      if (underline) {
        this.#at += 1;
        return this.#headingOf(underline[1] ? 1 : 2, lines.join("\n"));
      }
      if (isBlank(line) || startsBlock(line) || this.#isTable()) break;
      lines.push(line.trim());
    }
    return h("p", {}, inlines(lines.join("\n")));
  }
}

/** Code with a button that copies it. */
export function codeBlock(code, language) {
  const head = h("div.code-head", {}, h("span", {}, language.slice(0, 30)), copyButton(() => code, "Copy the code"));
  return h("div.code", {}, head, h("pre", {}, h("code", {}, code)));
}

/** The line that begins or ends code: its sign, how often, and the language behind it. */
function fenceOf(line) {
  const indent = line.search(/\S/);
  const sign = line[indent];
  if (indent < 0 || indent > 3 || (sign !== "`" && sign !== "~")) return null;
  let end = indent;
  while (line[end] === sign) end += 1;
  const rest = line.slice(end).trim();
  if (end - indent < 3 || rest.includes("`")) return null;
  return { indent, sign, length: end - indent, language: rest.split(/\s/, 1)[0] };
}

function isBlank(line) {
  return line.trim() === "";
}

function startOf(line) {
  const at = line.search(/[^ ]/);
  return at < 0 ? line.length : at;
}

function withoutIndent(line, indent) {
  return line.slice(Math.min(indent, startOf(line)));
}

function isRule(line) {
  return /^[-*_ \t]+$/.test(line) && /^(?:-{3,}|\*{3,}|_{3,})$/.test(line.replace(/[ \t]/g, ""));
}

/** Whether a line ends the paragraph above it. */
function startsBlock(line) {
  const item = ITEM.exec(line);
  return fenceOf(line) !== null || HEADING.test(line) || QUOTE.test(line) || isRule(line) || (item !== null && item[4] !== undefined && (item[3] === undefined || item[3] === "1"));
}

/** The cells of a table's row; a pipe that belongs to a cell is escaped. */
function cells(line) {
  const found = [""];
  for (const part of line.trim().replace(/^\|/, "").split(/(\\.|\|)/)) {
    if (part === "|") found.push("");
    else found[found.length - 1] += part === "\\|" ? "|" : part;
  }
  if (found.length > 1 && found.at(-1).trim() === "") found.pop();
  return found.map((each) => each.trim());
}
