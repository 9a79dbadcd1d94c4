// The files that the attempts changed, with those marked that differ; a file's diffs side by side.

import { diffTable } from "../../diff.js";
import { button, h } from "../../dom.js";
import { inert } from "../../inert.js";
import { lineCounts } from "../../pull_requests.js";
import { count } from "../../words.js";

/** @returns {{element: Element, update: (sides: {key: string, name: string, diff: object | null}[]) => void}} */
export function files() {
  const note = h("p.hint", { role: "status" });
  const list = h("div.compared-files");
  const element = h("section", { "aria-label": "Changed files", hidden: true }, h("h3", {}, "Changed files"), note, list);
  const open = new Set();
  let shown = "";
  let sides = [];
  return { element, update };

  function update(now) {
    sides = now.filter(({ diff }) => diff?.pull_requests.some((each) => each.files.length));
    element.hidden = sides.length === 0;
    const key = JSON.stringify(sides);
    if (key === shown) return;
    shown = key;
    draw();
  }

  function draw() {
    const byPath = filesOf(sides);
    const rows = [...byPath].sort(([one], [other]) => one.localeCompare(other)).map(([path, found]) => ({ path, found, differs: sides.length > 1 && differs(found, sides) }));
    const different = rows.filter((row) => row.differs).length;
    note.textContent = sides.length < 2 ? "" : different ? `${different} of ${count(rows.length, "file")} ${different === 1 ? "differs" : "differ"}.` : "All files are changed in the same way.";
    const focused = document.activeElement?.dataset?.path;
    list.replaceChildren(...rows.map(rowOf));
    if (focused) [...list.querySelectorAll("button")].find((each) => each.dataset.path === focused)?.focus({ preventScroll: true });
  }

  function rowOf({ path, found, differs: isDifferent }) {
    const isOpen = open.has(path);
    const toggle = button(inert(path), () => (isOpen ? open.delete(path) : open.add(path), draw()), { class: "path", "aria-expanded": String(isOpen), data: { path } });
    const cells = sides.map(({ key, name }) => h("span.side", {}, h("span.quiet", {}, `${name} `), found.has(key) ? lineCounts(found.get(key)) : h("span.quiet", {}, "unchanged")));
    return h(
      `div.compared-file${isDifferent ? ".differs" : ""}`,
      {},
      h("div.compared-head", {}, toggle, isDifferent && h("span.chip", {}, "Differs"), ...cells),
      isOpen && h("div.columns", {}, sides.map(({ key, name }) => h("div.column", {}, h("h4", {}, name), contentOf(found.get(key))))),
    );
  }
}

function contentOf(file) {
  if (!file) return h("p.quiet", {}, "Unchanged.");
  if (file.patch) return diffTable(file, { isSplit: false });
  return h("p.quiet", {}, file.is_cut ? "Its changes are too many to be shown here." : "It is empty, or not a text.");
}

/** The changed files by their paths, then by the sides' keys. */
function filesOf(sides) {
  const found = new Map();
  for (const { key, diff } of sides) {
    const repositories = new Set(diff.pull_requests.map(({ repository }) => repository));
    for (const { repository, files: changed } of diff.pull_requests) {
      for (const file of changed) {
        const path = repositories.size > 1 ? `${repository}: ${file.path}` : file.path;
        if (!found.has(path)) found.set(path, new Map());
        found.get(path).set(key, file);
      }
    }
  }
  return found;
}

function differs(found, sides) {
  const texts = new Set(sides.map(({ key }) => (found.has(key) ? JSON.stringify([found.get(key).status, found.get(key).patch]) : "")));
  return texts.size > 1;
}
