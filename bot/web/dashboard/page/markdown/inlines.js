// The inline part of Markdown: code, emphasis, links. Linear in the text's length, also for hostile texts.

import { h, outside } from "../dom.js";

/** Open delimiters and brackets remembered at once, which is also about how deep elements can be nested. */
const MOST_OPEN = 24;
const LONGEST_ADDRESS = 1_000;
const PUNCTUATION = /[\p{P}\p{S}]/u;
const ESCAPED = /[!-/:-@[-`{-~]/;
const SPECIAL = /[\\`*_~[\]!<\n]|https?:/g;
const BARE = /https?:\/\/[^\s<>"'`\\^{|}]{1,2000}/y;
const BRACKETED = /<(https?:\/\/[^\s<>]{1,2000})>/y;
const ELEMENTS = { "*": ["em", "strong"], _: ["em", "strong"], "~": ["del", "del"] };

/** @returns {(Node|string)[]} */
export function inlines(text) {
  return new Inlines(text).read();
}

class Inlines {
  #text;
  #at = 0;
  #out = [];
  #open = [];
  #ticks = null;

  constructor(text) {
    this.#text = text;
  }

  read() {
    const text = this.#text;
    while (this.#at < text.length) {
      SPECIAL.lastIndex = this.#at;
      const found = SPECIAL.exec(text);
      const end = found ? found.index : text.length;
      if (end > this.#at) this.#out.push(text.slice(this.#at, end));
      this.#at = end;
      if (found) this.#special(found[0]);
    }
    return joined(this.#out);
  }

  #special(sign) {
    switch (sign) {
      case "\\":
        return this.#escape();
      case "\n":
        return this.#take(1, h("br"));
      case "`":
        return this.#code();
      case "<":
        return this.#address(BRACKETED);
      case "http:":
      case "https:":
        return /\w/.test(this.#text[this.#at - 1] ?? "") ? this.#take(sign.length) : this.#address(BARE);
      case "!":
        // An image is a link: nothing is loaded from elsewhere.
        return this.#text[this.#at + 1] === "[" ? this.#bracket(2) : this.#take(1);
      case "[":
        return this.#bracket(1);
      case "]":
        return this.#close();
      default:
        return this.#delimiters(sign);
    }
  }

  #take(length, node = this.#text.slice(this.#at, this.#at + length)) {
    this.#out.push(node);
    this.#at += length;
  }

  #escape() {
    const next = this.#text[this.#at + 1] ?? "";
    if (next === "\n") this.#take(2, h("br"));
    else if (ESCAPED.test(next)) this.#take(2, next);
    else this.#take(1);
  }

  #code() {
    const length = runOf(this.#text, this.#at);
    const end = this.#closingTicks(length);
    if (end < 0) return this.#take(length);
    const inner = this.#text.slice(this.#at + length, end).replaceAll("\n", " ");
    const isPadded = inner.startsWith(" ") && inner.endsWith(" ") && inner.trim() !== "";
    this.#take(end + length - this.#at, h("code", {}, isPadded ? inner.slice(1, -1) : inner));
  }

  /** The place of the next run of so many backticks; each is looked up once. */
  #closingTicks(length) {
    if (!this.#ticks) {
      this.#ticks = new Map();
      for (const { 0: run, index } of this.#text.matchAll(/`+/g)) {
        if (!this.#ticks.has(run.length)) this.#ticks.set(run.length, { places: [], next: 0 });
        this.#ticks.get(run.length).places.push(index);
      }
    }
    const known = this.#ticks.get(length);
    if (!known) return -1;
    while (known.places[known.next] <= this.#at) known.next += 1;
    return known.places[known.next] ?? -1;
  }

  #address(pattern) {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (!found) return this.#take(1);
    const address = pattern === BARE ? withoutEnd(found[0]) : found[1];
    this.#take(pattern === BARE ? address.length : found[0].length, outside(address, address));
  }

  // Links

  #bracket(length) {
    this.#remember({ kind: "[", at: this.#out.length });
    this.#take(length);
  }

  #close() {
    const opener = this.#open.findLast(({ kind }) => kind === "[");
    const target = opener && this.#text[this.#at + 1] === "(" ? destination(this.#text, this.#at + 2) : null;
    if (opener) this.#forget(opener);
    if (!target) return this.#take(1);
    const [mark, ...words] = this.#out.splice(opener.at);
    const made = outside(target.address, words.length ? words : [mark.startsWith("!") ? "image" : target.address]);
    made.title = target.address;
    this.#out.push(made);
    this.#at = target.end;
    // A link contains no other link.
    this.#open = this.#open.filter(({ kind }) => kind !== "[");
  }

  // Emphasis

  #delimiters(sign) {
    const length = runOf(this.#text, this.#at);
    const [canOpen, canClose] = this.#sides(sign, length);
    if (length > 3 || (sign === "~" && length !== 2)) return this.#take(length);
    let left = length;
    while (canClose && left > 0) {
      const opener = this.#open.findLast(({ kind, count }) => kind === sign && (sign !== "~" || count === left));
      if (!opener) break;
      const used = Math.min(2, opener.count, left);
      this.#forget(opener);
      const children = this.#out.splice(opener.at + 1);
      this.#out.pop();
      opener.count -= used;
      if (opener.count) {
        this.#out.push(sign.repeat(opener.count));
        this.#remember(opener);
      }
      this.#out.push(h(ELEMENTS[sign][used - 1], {}, children));
      left -= used;
    }
    this.#at += length - left;
    if (left === 0) return;
    if (canOpen) this.#remember({ kind: sign, count: left, at: this.#out.length });
    this.#take(left);
  }

  /** Whether a run of delimiters may open and close, by its neighbours: https://spec.commonmark.org/0.31.2/#left-flanking-delimiter-run */
  #sides(sign, length) {
    const [before, after] = [this.#text[this.#at - 1] ?? " ", this.#text[this.#at + length] ?? " "];
    const left = !/\s/.test(after) && (!PUNCTUATION.test(after) || /\s/.test(before) || PUNCTUATION.test(before));
    const right = !/\s/.test(before) && (!PUNCTUATION.test(before) || /\s/.test(after) || PUNCTUATION.test(after));
    if (sign !== "_") return [left, right];
    return [left && (!right || PUNCTUATION.test(before)), right && (!left || PUNCTUATION.test(after))];
  }

  #remember(opener) {
    this.#open.push(opener);
    if (this.#open.length > MOST_OPEN) this.#open.shift();
  }

  /** What was opened after it stays text. */
  #forget(opener) {
    this.#open.length = this.#open.indexOf(opener);
  }
}

/** The same with neighbouring texts as one. */
function joined(parts) {
  const found = [];
  for (const part of parts) {
    if (typeof part === "string" && typeof found.at(-1) === "string") found[found.length - 1] += part;
    else found.push(part);
  }
  return found;
}

/** How often the sign at a place is repeated. */
function runOf(text, at) {
  let end = at + 1;
  while (text[end] === text[at]) end += 1;
  return end - at;
}

/** "address)" or 'address "title")' behind the opening parenthesis. */
function destination(text, start) {
  let at = start;
  let depth = 0;
  const last = Math.min(text.length, start + LONGEST_ADDRESS);
  const isAngled = text[at] === "<";
  for (; at < last; at += 1) {
    const sign = text[at];
    if (isAngled ? sign === ">" || sign === "\n" : /\s/.test(sign) || (sign === ")" && depth === 0)) break;
    if (sign === "(") depth += 1;
    if (sign === ")") depth -= 1;
  }
  const address = text.slice(start + (isAngled ? 1 : 0), at);
  if (isAngled) at += 1;
  const rest = /^\s{0,9}(?:"[^"]{0,200}"|'[^']{0,200}')?\s{0,9}\)/.exec(text.slice(at, at + 250));
  return rest && address ? { address, end: at + rest[0].length } : null;
}

/** A sentence's punctuation behind an address is not part of it. */
function withoutEnd(address) {
  let end = address.length;
  let surplus = address.split(")").length - address.split("(").length;
  for (; end && ".,;:!?)]*_~".includes(address[end - 1]); end -= 1) {
    if (address[end - 1] !== ")") continue;
    if (surplus <= 0) break;
    surplus -= 1;
  }
  return address.slice(0, end);
}
