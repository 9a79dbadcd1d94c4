// A pull request of a run: its state and its checks, as the API's diff describes them.

import { h, outside } from "./dom.js";
import { inert } from "./inert.js";
import { count } from "./words.js";

/** "octo/shop#12" of its address. */
export function nameOf(url) {
  const found = /^https?:\/\/[^/]+\/([^/]+\/[^/]+)\/pull\/(\d+)/.exec(url);
  return found ? `${found[1]}#${found[2]}` : url;
}

export function pullRequestLink({ url, title }) {
  return outside(url, inert(`${nameOf(url)}${title ? ` ${title}` : ""}`));
}

/** "Open", "Draft", "Merged" or "Closed". */
export function pullRequestState({ state, is_draft: isDraft }) {
  if (!state) return null;
  const word = state === "open" && isDraft ? "Draft" : state[0].toUpperCase() + state.slice(1);
  return h(`span.chip.pull-${word.toLowerCase()}`, {}, word);
}

/** "3 checks passed", "1 of 3 checks failed"; nothing without checks. */
export function checksState(checks) {
  if (!checks || checks.state === "none") return null;
  const { state, passed, failed, pending } = checks;
  const all = passed + failed + pending;
  const words = { success: `${count(passed, "check")} passed`, failure: `${failed} of ${count(all, "check")} failed`, pending: `${pending} of ${count(all, "check")} running` }[state];
  return h(`span.checks.${state}`, {}, h("span", { "aria-hidden": "true" }, { success: "✓", failure: "✗", pending: "•" }[state]), ` ${words}`);
}

/** "+12 −3". */
export function lineCounts({ additions, deletions }) {
  return h("span.line-counts", {}, h("span.additions", {}, `+${additions.toLocaleString("en")}`), " ", h("span.deletions", {}, `−${deletions.toLocaleString("en")}`));
}
