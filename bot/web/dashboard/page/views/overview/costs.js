// What agents of your own have cost: by person, repository and agent.

import { person } from "../../avatar.js";
import { h } from "../../dom.js";
import { inert } from "../../inert.js";
import { cost, count, tokens } from "../../words.js";

const MOST = 6;

/** @returns {{element: HTMLElement, update: (costs: object) => void}} hidden if no costs are known */
export function costsCards() {
  const cards = [
    ["people", card("Cost by person", (name) => person(inert(name)))],
    ["repositories", card("Cost by repository", inert)],
    ["agents", card("Cost by agent", inert)],
  ];
  const element = h("div.costs", { hidden: true }, ...cards.map(([, { element: each }]) => each));
  return { element, update };

  function update(costs) {
    element.hidden = !costs.is_known || costs.total.cost === null;
    for (const [name, { update: draw }] of cards) draw(costs[name]);
  }
}

function card(title, named) {
  const rows = h("ol.cost-rows", {});
  const more = h("p.hint", {});
  const element = h("section.card", { "aria-label": title }, h("h2", {}, title), rows, more);
  return { element, update };

  function update(all) {
    const most = Math.max(...all.map((each) => each.cost ?? 0), Number.MIN_VALUE);
    rows.replaceChildren(...all.slice(0, MOST).map((each) => row(each, most)));
    more.textContent = all.length > MOST ? `and ${count(all.length - MOST, "other")}` : "";
  }

  function row(each, most) {
    const bar = h("span.bar", { "aria-hidden": "true" });
    bar.style.width = `${(100 * (each.cost ?? 0)) / most}%`;
    const used = tokens(each);
    return h("li", {}, h("span.name", {}, named(each.name)), h("span.figure", {}, cost(each) || "—"), h("span.figure.quiet", { title: "Tokens" }, used), h("span.track", {}, bar));
  }
}
