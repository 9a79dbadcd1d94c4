// A run's row in the list.

import { person } from "./avatar.js";
import { badge } from "./badge.js";
import { coded, h, outside } from "./dom.js";
import { starButton } from "./stars.js";
import { ago, authorOf, cost, exactly, lasted, markOf, titleOf, tokens } from "./words.js";

export const COLUMNS = ["Star", "State", "Run", "Author", "Source", "Cost", "Started", "Duration"];

const MOST_LINKS = 2;

/** The row of a run that is not loaded yet. */
export function placeholder() {
  const bars = ["of-state", "of-run", "of-author", "of-source", "of-started"].map((name) => h(`span.cell.${name}`, { "aria-hidden": "true" }, h("span.skeleton")));
  const element = h(
    "div.run-row.unknown",
    { role: "row", tabindex: -1 },
    h("div.unseen", { role: "cell", "aria-colspan": COLUMNS.length }, "Loading"),
    ...bars,
  );
  return { element, update() {}, end() {} };
}

/** @param {(run: object) => string} noteOf its mark: "new", "changed" or nothing */
export function runRow(run, noteOf) {
  const ended = new AbortController();
  const star = starButton(run.id, ended.signal);
  star.dataset.control = "star";
  const title = h("a.title", { href: `#/runs/${run.id}`, data: { control: "run" } });
  const part = h("span");
  const cell = (name, ...children) => h(`div.cell.${name}`, { role: "cell" }, ...children);
  const [state, author, source, used, age, took] = ["of-state", "of-author", "of-source", "of-cost", "of-started", "of-duration"].map((name) => cell(name));
  const element = h("div.run-row", { role: "row" }, cell("of-star", star), state, cell("of-run", title, part), author, source, used, age, took);
  let shown = null;

  function update(now) {
    element.dataset.note = noteOf(now);
    setText(age, ago(now.created_at));
    setText(took, lasted(now));
    if (now === shown) return;
    // Only what differs is replaced: a focused element stays.
    if (now.status !== shown?.status) state.replaceChildren(badge(now.status));
    put(title, coded(titleOf(now)));
    title.title = titleOf(now);
    age.title = exactly(now.created_at);
    put(part, partOf(now));
    put(author, authorCell(now));
    put(source, sourceCell(now));
    put(used, usedCell(now.usage));
    shown = now;
  }

  update(run);
  return { element, update, end: () => ended.abort() };
}

function setText(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

/** Replaces the children unless they are the same. */
function put(element, children) {
  const made = element.cloneNode(false);
  made.append(...children);
  if (!made.isEqualNode(element)) element.replaceChildren(...made.childNodes);
}

/** Which part of a multi-run it is. */
function partOf({ metadata }) {
  const { multi_run_id: id, multi_run_index: index, multi_run_total: total, multi_run_synthesis: isLast } = metadata ?? {};
  if (typeof id !== "string") return [];
  const words = isLast ? ["Synthesis"] : index ? [h("span.long", {}, "Attempt "), `${index}${total ? ` of ${total}` : ""}`] : ["Multi-run"];
  return [h("a.chip", { href: `#/multi-runs/${encodeURIComponent(id)}`, title: "Open the multi-run" }, ...words)];
}

/** Who asked for it; for a run of which only the source is known, that. */
function authorCell(run) {
  const login = authorOf(run);
  if (login) return [person(login)];
  return run.source_type ? [h("span.quiet", {}, `by ${run.source_type.toLowerCase().replaceAll("_", " ")}`)] : [];
}

/** Links to its thread and its pull requests. */
function sourceCell(run) {
  const { repository, number, url } = markOf(run);
  const links = new Map();
  if (url && repository) links.set(placeOf(url) || `${repository}${number ? `#${number}` : ""}`, url);
  for (const each of run.github_pull_requests ?? []) if (each.url) links.set(placeOf(each.url) || each.url, each.url);
  const shown = [...links].slice(0, MOST_LINKS).map(([words, address], at, all) => outside(address, ...inTwo(words, all[at - 1]?.[0])));
  if (!shown.length && repository) shown.push(h("span", {}, repository));
  const more = links.size - shown.length;
  return [...shown, ...(more > 0 ? [h("span.quiet", {}, `and ${more} more`)] : [])];
}

/** "octo/shop#12"; the repository is hidden on phones, and after the first of several links. */
function inTwo(words, before = "") {
  const [repository, number] = words.split("#");
  if (!number) return [words];
  return [h(before.startsWith(`${repository}#`) ? "span.unseen" : "span.repository", {}, repository), `#${number}`];
}

function placeOf(address) {
  const found = /\/([\w.-]+\/[\w.-]+)\/(?:pull|issues)\/(\d+)/.exec(address);
  return found ? `${found[1]}#${found[2]}` : "";
}

/** "$0.42 18.4k": only agents of your own report it. */
function usedCell(usage) {
  const [price, amount] = [cost(usage), tokens(usage)];
  const title = usage?.is_estimated ? "Estimated from the price table" : "As the agent reported it";
  return [price && h("span", { title }, price), amount && h("span.quiet", { title: "Tokens" }, h("span.unseen", {}, " tokens: "), amount)].filter(Boolean);
}
