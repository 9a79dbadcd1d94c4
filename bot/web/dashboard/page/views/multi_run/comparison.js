// The attempts compared: all of them, or two with their differences marked; their results and the files they changed.

import { badge } from "../../badge.js";
import { button, h, linked } from "../../dom.js";
import { inert } from "../../inert.js";
import { markdown } from "../../markdown.js";
import { isFinished, stateOf } from "../../words.js";
import { files } from "./files.js";

/** @returns {{element: Element, update: (sides: {key: string, name: string, run: object | null, problem: string, diff: object | null}[]) => void}} */
export function comparison() {
  const choices = h("div.buttons.which", { role: "group", "aria-label": "Which to compare" });
  const columns = h("div.columns", { role: "region", "aria-label": "Results side by side" });
  const hint = h("p.hint", { role: "status" });
  const changed = files();
  const element = h("section.comparison", { hidden: true }, h("h2", {}, "Compare"), choices, hint, h("h3", {}, "Results"), columns, changed.element);
  const made = new Map();
  const buttons = new Map([["", choice("", "All")]]);
  let sides = [];
  let chosen = [];

  function choice(key, name) {
    const here = button(name, () => choose(key), { "aria-pressed": String(key === "") });
    choices.append(here);
    return here;
  }

  /** Compares the last two that were selected. */
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
    changed.update(sides.filter(({ key }) => !chosen.length || chosen.includes(key)).map(({ key, name, diff }) => ({ key, name, diff })));
    hint.textContent = chosen.length === 2 ? "Differences are highlighted." : "Select two to see their differences.";
  }

  return { element, update };
}

function column(name) {
  const head = h("div.head", {}, h("h3", {}, name));
  const text = h("div");
  let shown = null;

  function update({ run, problem }, other) {
    const result = textOf({ run, problem });
    const snapshot = JSON.stringify([run?.status, result, other]);
    if (snapshot === shown) return;
    shown = snapshot;
    head.replaceChildren(head.firstChild, ...(run ? [badge(run.status)] : []));
    text.className = result && other === null ? "prose" : "text";
    if (!result) text.replaceChildren(h("span.quiet", {}, empty(run)));
    else text.replaceChildren(...(other === null ? markdown(result, { under: 3 }) : marked(inert(result), other)));
  }

  return { element: h("article.column", {}, head, text), update };
}

function textOf({ run, problem }) {
  return problem || run?.result || run?.summary || "";
}

function empty(run) {
  if (!run) return "Not started.";
  return isFinished(run.status) ? "No result." : stateOf(run.status) === "paused" ? "Paused." : "Still working.";
}

function marked(text, other) {
  const there = new Set(other.split("\n").map((line) => line.trim()));
  return text.split("\n").map((line) => h(there.has(line.trim()) ? "div" : "div.only", {}, linked(line), line === "" && h("br", {})));
}
