// A sentence of the bot's own, as it writes them for GitHub: links and code are all the Markdown in it.

import { h, outside } from "./dom.js";

const MARKS = /\[([^[\]]+)\]\(([^()\s]+)\)|`([^`]+)`/g;

/** @returns {(Node|string)[]} */
export function written(sentence) {
  const parts = [];
  let end = 0;
  for (const found of sentence.matchAll(MARKS)) {
    const [whole, words, address, code] = found;
    parts.push(sentence.slice(end, found.index), code === undefined ? outside(address, words) : h("code", {}, code));
    end = found.index + whole.length;
  }
  return [...parts, sentence.slice(end)];
}
