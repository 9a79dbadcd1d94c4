// The runs by state: one bar, and a row for each state.

import { glyph } from "../../badge.js";
import { h } from "../../dom.js";
import { ALL_STATES, share, stateWords } from "../../words.js";

/** @returns {{element: HTMLElement, update: (counts: object) => void}} */
export function statesCard() {
  const bar = h("div.state-bar", { "aria-hidden": "true" });
  const rows = h("ul.state-rows", {});
  const element = h("section.card.plot", { "aria-labelledby": "by-state" }, h("h2", { id: "by-state" }, "Runs by state"), bar, rows);
  return { element, update };

  function update(counts) {
    const all = Object.values(counts).reduce((sum, each) => sum + each, 0) || 1;
    const known = ALL_STATES.filter((state) => counts[state]).sort((one, other) => counts[other] - counts[one]);
    bar.replaceChildren(...known.map((state) => piece(state, counts[state])));
    rows.replaceChildren(...known.map((state) => row(state, counts[state], counts[state] / all)));
  }
}

function piece(state, value) {
  const made = h(`span.state-${state}`, {});
  made.style.flexGrow = value;
  return made;
}

function row(state, value, part) {
  return h(
    "li",
    {},
    h("a", { href: `#/runs?status=${state}` }, h(`span.badge.${state}`, {}, glyph(state), h("span.word", {}, stateWords(state)))),
    h("span.figure", {}, value.toLocaleString("en")),
    h("span.figure.quiet", {}, share(part)),
  );
}
