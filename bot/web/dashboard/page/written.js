// The bot's own sentences, whose only Markdown is links and code.

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
