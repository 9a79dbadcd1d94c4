// What the attempts say, side by side: all of them, or two, with the lines marked that only one of both has.

import { badge } from "../../badge.js";
import { button, h, linked } from "../../dom.js";
import { isFinished } from "../../words.js";

/** @returns {{element: Element, update: (sides: {key: string, name: string, run: object | null, problem: string}[]) => void}} */
export function comparison() {
  const choices = h("div.choices", { role: "group", "aria-label": "Which to compare" });
  const columns = h("div.columns", { role: "region", "aria-label": "Results side by side", tabindex: 0 });
  const hint = h("p.hint", { role: "status" });
  const element = h("section.comparison", { hidden: true }, h("h2", {}, "Compare"), choices, hint, columns);
  const made = new Map();
  const buttons = new Map([["", choice("", "All")]]);
  let sides = [];
  let chosen = [];

  function choice(key, name) {
    const here = button(name, () => choose(key), { "aria-pressed": String(key === "") });
    choices.append(here);
    return here;
  }

  /** The last two that were chosen are compared. */
  function choose(key) {
    if (key === "") chosen = [];
    else chosen = chosen.includes(key) ? chosen.filter((each) => each !== key) : [...chosen, key].slice(-2);
    draw();
  }

  function update(now) {
    sides = now;
    element.hidden = sides.filter(({ run }) => run).length < 2;
    for (const { key, name } of sides) {
      if (made.has(key)) continue;
      made.set(key, column(name));
      buttons.set(key, choice(key, name));
      columns.append(made.get(key).element);
    }
    draw();
  }

  function draw() {
    for (const [key, each] of buttons) each.setAttribute("aria-pressed", String(key === "" ? !chosen.length : chosen.includes(key)));
    for (const side of sides) {
      const other = chosen.length === 2 && sides.find(({ key }) => chosen.includes(key) && key !== side.key);
      made.get(side.key).element.hidden = chosen.length > 0 && !chosen.includes(side.key);
      made.get(side.key).update(side, other ? textOf(other) : null);
    }
    hint.textContent = chosen.length === 2 ? "Lines that only one of both has are marked." : "Choose two to see in what they differ.";
  }

  return { element, update };
}

function column(name) {
  const head = h("div.head", {}, h("h3", {}, name));
  const text = h("div.text", {});
  let shown = null;

  function update({ run, problem }, other) {
    const said = textOf({ run, problem });
    const told = JSON.stringify([run?.status, said, other]);
    if (told === shown) return;
    shown = told;
    head.replaceChildren(head.firstChild, ...(run ? [badge(run.status)] : []));
    if (!said) text.replaceChildren(h("span.quiet", {}, empty(run)));
    else text.replaceChildren(...(other === null ? linked(said) : marked(said, other)));
  }

  return { element: h("article", {}, head, text), update };
}

function textOf({ run, problem }) {
  return problem || run?.result || run?.summary || "";
}

function empty(run) {
  if (!run) return "It has not begun.";
  return isFinished(run.status) ? "It said nothing." : "It is still at work.";
}

function marked(text, other) {
  const there = new Set(other.split("\n").map((line) => line.trim()));
  return text.split("\n").map((line) => h(there.has(line.trim()) ? "div" : "div.only", {}, linked(line) || "", line === "" && h("br", {})));
}
