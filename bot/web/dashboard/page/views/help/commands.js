// The commands as a table, and beside it (on narrow windows below its row) the one that is selected.

import { button, coded, h, icon } from "../../dom.js";
import { notice } from "../../notices.js";

const NARROW = matchMedia("(max-width: 60rem)");

/**
 * @param {{select: (name: string) => void, signal: AbortSignal}} options `select` is called with what the user selects
 * @returns {{element: HTMLElement, update: (commands: object[]) => void, filter: (fits: (command: object) => boolean) => number,
 *   show: (name: string) => void}}
 */
export function commandTable({ select, signal }) {
  const body = h("table.command-table", {});
  const pane = h("section.pane", { "aria-label": "Command", id: "help-pane" });
  const inline = h("tr.pane-row", {}, h("td", { colspan: 3 }));
  const element = h("div.command-area", {}, body, pane);
  let rows = new Map();
  let shown = null;
  NARROW.addEventListener("change", place, { signal });
  body.addEventListener("keydown", move, { signal });
  return { element, update, filter, show };

  function update(commands) {
    const groups = Map.groupBy(commands, ({ group }) => group || "Commands");
    rows = new Map();
    const parts = [...groups].map(([title, all]) => h("tbody", {}, groups.size > 1 && h("tr.group", {}, h("th", { scope: "rowgroup", colspan: 3 }, title)), ...all.map(row)));
    body.replaceChildren(h("thead", {}, h("tr", {}, ...["Command", "What it does", "Who"].map((words) => h("th", { scope: "col" }, words)))), ...parts);
    show(rows.has(shown) ? shown : "");
  }

  function row(command) {
    const pick = button(command.name, () => choose(command.name), { class: "pick", "aria-controls": pane.id, "aria-expanded": "false" });
    const made = h(
      "tr",
      { on: { click: ({ target }) => target.closest("button") || choose(command.name) } },
      h("th", { scope: "row" }, pick),
      h("td", {}, ...coded(command.summary)),
      h("td.who", {}, command.who),
    );
    rows.set(command.name, { command, pick, element: made });
    return made;
  }

  function choose(name) {
    const isSame = name === shown && NARROW.matches;
    show(isSame ? "" : name);
    select(isSame ? "" : name);
  }

  function show(name) {
    shown = rows.has(name) ? name : "";
    if (!shown && !NARROW.matches) shown = [...rows].find(([, { element: each }]) => !each.hidden)?.[0] ?? "";
    for (const [each, { pick, element: its }] of rows) {
      pick.setAttribute("aria-expanded", String(each === shown));
      its.classList.toggle("chosen", each === shown);
    }
    const found = rows.get(shown);
    pane.hidden = !found;
    pane.replaceChildren(...(found ? details(found.command) : []));
    place();
  }

  function place() {
    if (!NARROW.matches) {
      inline.remove();
      element.append(pane);
    } else if (rows.has(shown)) {
      inline.firstChild.append(pane);
      rows.get(shown).element.after(inline);
    } else {
      inline.remove();
    }
  }

  function filter(fits) {
    let left = 0;
    for (const { command, element: its } of rows.values()) {
      its.hidden = !fits(command);
      if (!its.hidden) left += 1;
    }
    for (const part of body.tBodies) part.hidden = [...part.rows].every((each) => each.hidden || each.classList.contains("group") || each === inline);
    if (!shown || rows.get(shown)?.element.hidden) show("");
    return left;
  }

  function move(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const all = [...rows.values()].filter(({ element: its }) => !its.hidden);
    const at = all.findIndex(({ pick }) => pick === document.activeElement);
    const next = by && at >= 0 && all[at + by];
    if (!next) return;
    event.preventDefault();
    next.pick.focus();
    if (!NARROW.matches) choose(next.command.name);
  }
}

function details({ name, summary, form, example, who, flags }) {
  return [
    h("h3", {}, name),
    h("p", {}, ...coded(summary)),
    h("p.form", {}, h("code", {}, ...pieces(form))),
    flags.length > 0 && h("h4", {}, "Options"),
    flags.length > 0 && h("dl.flags", {}, ...flags.map((flag) => h("div", {}, h("dt", {}, ...flagName(flag)), h("dd", {}, ...coded(flag.description))))),
    h("h4", {}, "Example"),
    h("div.example", {}, h("pre", {}, example), copyButton(name, example)),
    h("p.hint", {}, `Who may use it: ${who}.`),
  ].filter(Boolean);
}

/** Lines break between the parts of a form, not at hyphens. */
function pieces(form) {
  return form.match(/\[[^\]]*\]\S*|\S+/g).flatMap((piece, index) => [index ? " " : "", h("span", {}, piece)]);
}

function flagName({ name, short, value }) {
  return [h("code", {}, `${name} ${value}`), short && ", ", short && h("code", {}, short)];
}

function copyButton(name, example) {
  // The clipboard is available on https and localhost only.
  if (!navigator.clipboard) return null;
  return button(icon("copy"), copy, { class: "plain", "aria-label": `Copy the example of ${name}`, title: "Copy" });

  async function copy() {
    try {
      await navigator.clipboard.writeText(example);
      notice("Copied.");
    } catch {
      notice("The browser refused access to the clipboard.", "error");
    }
  }
}
