// The runs, the newest first.

import { org, poll } from "../api.js";
import { badge } from "../badge.js";
import { h, state } from "../dom.js";
import { starButton } from "../stars.js";
import { ago, titleOf } from "../words.js";

export function show(root, place, signal) {
  const list = h("ul.runs", {});
  root.replaceChildren(h("h1", {}, "Runs"), list);
  poll(() => org("/agent/runs?limit=100"), tell, { signal, failed });

  function tell({ items }) {
    list.replaceChildren(...items.map(row));
    if (!items.length) list.replaceChildren(state("empty", "There are no runs yet."));
  }

  function failed(error) {
    if (!list.childElementCount) list.replaceChildren(state("error", error.message));
  }

  function row(run) {
    return h("li", {}, starButton(run.id, signal), badge(run.status), " ", h("a", { href: `#/runs/${run.id}` }, titleOf(run)), " ", ago(run.created_at));
  }
}
