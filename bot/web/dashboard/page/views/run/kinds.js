// The log's filter: everything, one kind of entry, or one tool.

import { h } from "../../dom.js";
import { inert } from "../../inert.js";
import { kindWords } from "./entry.js";

/** The maximum number of options. */
const MOST = 100;

/** @returns {{element: HTMLElement, chosen: string, add: (entry: object) => void}} `chosen` as `matcher` takes it */
export function kindFilter(changed) {
  const known = new Set();
  const [kinds, tools] = [h("optgroup", { label: "Kinds" }), h("optgroup", { label: "Tools" })];
  const select = h("select", { on: { change: () => changed() } }, h("option", { value: "" }, "Everything"), kinds, tools);
  return {
    element: h("label", {}, "Show", select),
    get chosen() {
      return select.value;
    },
    add({ message_type: type, tool_name: tool }) {
      if (type) offer(kinds, `type:${type}`, kindWords(type));
      if (tool) offer(tools, `tool:${tool}`, inert(tool.slice(0, 60)));
    },
  };

  function offer(group, value, words) {
    if (known.has(value) || known.size >= MOST) return;
    known.add(value);
    const after = [...group.children].find((each) => each.textContent.localeCompare(words) > 0);
    group.insertBefore(h("option", { value }, words), after ?? null);
  }
}
