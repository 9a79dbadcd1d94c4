// A run's state, in a word and a colour.

import { h } from "./dom.js";
import { stateOf } from "./words.js";

export function badge(status) {
  const state = stateOf(status);
  return h(`span.badge.${state}`, { title: status ? `Codegen says ${status}` : "Codegen tells no status" }, state);
}
