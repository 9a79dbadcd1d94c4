// A run's row in the list.

import { badge } from "./badge.js";
import { h, outside } from "./dom.js";
import { starButton } from "./stars.js";
import { ago, exactly, lasted, markOf, titleOf } from "./words.js";

export const COLUMNS = ["Star", "State", "Run", "Who", "Where", "Begun", "Took"];

const MOST_LINKS = 2;

/** What stands in the list where a run's facts are not there yet. */
export function placeholder() {
  const element = h(
    "div.run-row.unknown",
    { role: "row", tabindex: -1 },
    h("div", { role: "cell", "aria-colspan": COLUMNS.length }, h("span.unseen", {}, "Loading")),
  );
  return { element, update() {}, end() {} };
}

/** @param {(run: object) => string} noteOf what is to be marked about it now: "new", "changed" or nothing */
export function runRow(run, noteOf) {
  const ended = new AbortController();
  const star = starButton(run.id, ended.signal);
  star.dataset.control = "star";
  const title = h("a.title", { href: `#/runs/${run.id}`, data: { control: "run" } });
  const part = h("span");
  const cell = (name, ...children) => h(`div.cell.${name}`, { role: "cell" }, ...children);
  const [state, who, where, age, took] = ["of-state", "of-who", "of-where", "of-begun", "of-took"].map((name) => cell(name));
  const element = h(
    "div.run-row",
    { role: "row" },
    cell("of-star", star),
    state,
    cell("of-run", title, part),
    who,
    where,
    age,
    took,
  );
  let shown = null;

  function update(now) {
    element.dataset.note = noteOf(now);
    say(age, ago(now.created_at));
    say(took, lasted(now));
    if (now === shown) return;
    // What has the focus stays the same element; only what differs is put in anew.
    if (now.status !== shown?.status) state.replaceChildren(badge(now.status));
    say(title, titleOf(now));
    title.title = titleOf(now);
    age.title = exactly(now.created_at);
    put(part, partOf(now));
    put(who, whoOf(now));
    put(where, whereOf(now));
    shown = now;
  }

  update(run);
  return { element, update, end: () => ended.abort() };
}

function say(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

/** Leaves the links that are there alone where they say the same. */
function put(element, children) {
  const made = element.cloneNode(false);
  made.append(...children);
  if (!made.isEqualNode(element)) element.replaceChildren(...made.childNodes);
}

/** Which part of a multi-run it is. */
function partOf({ metadata }) {
  const { multi_run_id: id, multi_run_index: index, multi_run_total: total, multi_run_synthesis: isLast } = metadata ?? {};
  if (typeof id !== "string") return [];
  const words = isLast ? "synthesis" : index ? `attempt ${index}${total ? ` of ${total}` : ""}` : "multi-run";
  return [h("a.chip", { href: `#/multi-runs/${encodeURIComponent(id)}`, title: "To the multi-run" }, words)];
}

/** Who asked for it, as far as anybody knows: what was not started by the bot tells only where it came from. */
function whoOf(run) {
  const { login } = markOf(run);
  if (login) return [h("span", { title: login }, login)];
  return run.source_type ? [h("span.quiet", {}, `by ${run.source_type.toLowerCase().replaceAll("_", " ")}`)] : [];
}

/** Its thread and its pull requests, each once. */
function whereOf(run) {
  const { repository, number, url } = markOf(run);
  const links = new Map();
  if (url && repository) links.set(placeOf(url) || `${repository}${number ? `#${number}` : ""}`, url);
  for (const each of run.github_pull_requests ?? []) if (each.url) links.set(placeOf(each.url) || each.url, each.url);
  const shown = [...links].slice(0, MOST_LINKS).map(([words, address], at, all) => outside(address, ...inTwo(words, all[at - 1]?.[0])));
  if (!shown.length && repository) shown.push(h("span", {}, repository));
  const more = links.size - shown.length;
  return [...shown, ...(more > 0 ? [h("span.quiet", {}, `and ${more} more`)] : [])];
}

/** "octo/shop#12", of which a phone has room for the number alone; nor does a repository need to be seen twice. */
function inTwo(words, before = "") {
  const [repository, number] = words.split("#");
  if (!number) return [words];
  return [h(before.startsWith(`${repository}#`) ? "span.unseen" : "span.repository", {}, repository), `#${number}`];
}

function placeOf(address) {
  const found = /\/([\w.-]+\/[\w.-]+)\/(?:pull|issues)\/(\d+)/.exec(address);
  return found ? `${found[1]}#${found[2]}` : "";
}
