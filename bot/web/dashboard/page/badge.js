// A run's state: a glyph whose shape differs from state to state, and its word.

import { h, svg } from "./dom.js";
import { stateOf, stateWords } from "./words.js";

// Each is one path of 16 by 16; what is cut out of a disc is a path of the other direction.
const DISC = "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1Z";
const RING = "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1Zm0 1.6a5.4 5.4 0 1 0 0 10.8A5.4 5.4 0 0 0 8 2.6Z";
const GLYPHS = {
  queued: "M8 1a7 7 0 0 1 2.7.54l-.62 1.5a5.4 5.4 0 0 0-4.16 0l-.62-1.5A7 7 0 0 1 8 1Zm4.95 2.05A7 7 0 0 1 15 8a7 7 0 0 1-.54 2.7l-1.5-.62a5.4 5.4 0 0 0 0-4.16 5.4 5.4 0 0 0-1.14-1.74ZM3.05 3.05l1.13 1.13a5.4 5.4 0 0 0-1.14 5.9l-1.5.62a7 7 0 0 1 1.51-7.65Zm1.13 8.77a5.4 5.4 0 0 0 7.64 0l1.13 1.13a7 7 0 0 1-9.9 0Z",
  working: "M8 1v1.7A5.3 5.3 0 1 0 13.3 8H15A7 7 0 1 1 8 1Zm0 3.6a3.4 3.4 0 1 1 0 6.8 3.4 3.4 0 0 1 0-6.8Z",
  paused: `${RING}M5.6 5.2h1.6v5.6H5.6Zm3.2 0h1.6v5.6H8.8Z`,
  succeeded: `${DISC}M11.3 5.1 7 9.4 4.9 7.3 3.8 8.4 7 11.6l5.4-5.4Z`,
  failed: `${DISC}M5.6 4.5 4.5 5.6 6.9 8l-2.4 2.4 1.1 1.1L8 9.1l2.4 2.4 1.1-1.1L9.1 8l2.4-2.4-1.1-1.1L8 6.9Z`,
  cancelled: `${RING}M11.1 3.8l1.1 1.1-7.3 7.3-1.1-1.1Z`,
  "timed-out": `${RING}M7.2 4h1.6v3.7l2.4 1.4-.8 1.4-3.2-1.9Z`,
  "out-of-tokens": `${RING}M4.8 7.2h6.4v1.6H4.8Z`,
  "max-iterations": `${RING}M7.2 4.3h1.6v4.4H7.2Zm0 5.6h1.6v1.6H7.2Z`,
};

/** The glyph alone; its word has to be near. */
export function glyph(state) {
  return svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: GLYPHS[state], "fill-rule": "evenodd" }));
}

/** @param {{pill?: boolean}} options `pill`: on a coloured ground, for the head of a page */
export function badge(status, { pill = false } = {}) {
  const state = stateOf(status);
  const title = status ? `Codegen's status: ${status}` : "Codegen reports no status";
  return h(`span.badge.${state}${pill ? ".pill" : ""}`, { title }, glyph(state), h("span.word", {}, stateWords(state)));
}
