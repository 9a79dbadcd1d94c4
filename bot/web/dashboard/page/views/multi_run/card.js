// The card of an attempt or the synthesis, updated in place.

import { badge } from "../../badge.js";
import { button, h, outside } from "../../dom.js";
import { inert } from "../../inert.js";
import { markdown } from "../../markdown.js";
import { checksState, lineCounts, nameOf } from "../../pull_requests.js";
import { starButton } from "../../stars.js";
import { stepOf } from "../../steps.js";
import { ago, cost, count, isFinished, lasted, tokens } from "../../words.js";

/** Characters of a result of which the beginning is shown. */
const BEGINNING = 600;

/**
 * @param {string} name "Attempt 1"
 * @param {{signal: AbortSignal, keep: () => void}} options `keep` is called when this one is to be kept
 * @returns {{element: Element, update: (now: {run: object | null, problem?: string, diff?: object, call?: object, canKeep?: boolean}) => void, tick: () => void}}
 */
export function card(tag, name, { signal, keep }) {
  const parts = Object.fromEntries(["state", "time", "links", "star"].map((part) => [part, h("span", {})]));
  const keeping = button("Keep", keep, { hidden: true, title: `Keeps ${name.toLowerCase()} and closes the pull requests of the others` });
  keeping.setAttribute("aria-label", `Keep ${name.toLowerCase()}`);
  const figures = h("p.figures");
  const now = h("p.now", { hidden: true });
  const words = h("p.words", {});
  const element = h(`${tag}.card`, {}, h("div.head", {}, h("h3", {}, name), parts.state, parts.star), h("p.facts", {}, parts.links, parts.time), figures, now, words, h("p.buttons", {}, keeping));
  let shown = "";
  let run = null;
  let call = null;

  function update({ run: latest, problem = "", diff = null, call: latestCall = null, canKeep = false }) {
    if (!canKeep && document.activeElement === keeping) parts.links.querySelector("a")?.focus({ preventScroll: true });
    keeping.hidden = !canKeep;
    call = latestCall;
    const key = JSON.stringify([latest, problem, diff]);
    if (key === shown) return tick();
    if (latest && run?.id !== latest.id) parts.star.replaceChildren(starButton(latest.id, signal));
    if (latest?.status !== run?.status || !shown) parts.state.replaceChildren(latest ? badge(latest.status) : h("span.badge.queued", {}, problem ? "failed to start" : "not started"));
    shown = key;
    run = latest && { seenAt: Date.now(), ...latest };
    replaceLinks(parts.links, linksOf(run));
    figures.replaceChildren(...figuresOf(run, diff));
    words.textContent = problem || beginning(run?.summary || run?.result);
    tick();
  }

  function tick() {
    parts.time.textContent = run ? lasted(run) : "";
    const step = run && !isFinished(run.status) && call ? stepOf(call) : null;
    now.hidden = !step;
    if (step) now.replaceChildren(h("code", {}, step.tool), " ", h("code.target", {}, step.target), " ", h("span.quiet", {}, ago(call.created_at)));
  }

  return { element, update, tick };
}

/** The text alone of the first lines of Markdown. */
function beginning(text) {
  if (!text) return "";
  return markdown(text.slice(0, BEGINNING))
    .map((block) => block.textContent)
    .join(" ");
}

/** Agent, model, cost, the size of the diff, the checks. */
function figuresOf(run, diff) {
  if (!run) return [];
  const pulls = diff?.pull_requests.filter(({ problem }) => !problem) ?? [];
  const size = pulls.length ? { files: sum(pulls, "changed_files"), additions: sum(pulls, "additions"), deletions: sum(pulls, "deletions") } : run.changes;
  const used = [cost(run.usage), tokens(run.usage) && `${tokens(run.usage)} tokens`].filter(Boolean).join(", ");
  return [
    run.agent_type && h("span", {}, inert([run.agent_type, run.model].filter(Boolean).join(" · "))),
    used && h("span", {}, used),
    size && h("span", {}, `${count(size.files, "file")} `, lineCounts(size)),
    ...pulls.map(({ checks }) => checksState(checks)),
  ].filter(Boolean);
}

function sum(items, field) {
  return items.reduce((total, each) => total + (each[field] ?? 0), 0);
}

/** A run's own page first, then its pull requests. */
function linksOf(run) {
  if (!run) return [];
  const pulls = run.github_pull_requests.filter(({ url }) => url).map(({ url }) => outside(url, inert(nameOf(url))));
  return [h("a", { href: `#/runs/${run.id}` }, `Run ${run.id}`), ...pulls];
}

/** Existing links stay: one of them may have the focus. */
function replaceLinks(place, links) {
  const there = [...place.children];
  const isSame = (one, other) => one.href === other.href && one.textContent === other.textContent;
  if (there.length === links.length && there.every((each, index) => isSame(each, links[index]))) return;
  const kept = links.map((link) => there.find((each) => isSame(each, link)) ?? link);
  for (const each of there) if (!kept.includes(each)) each.remove();
  for (const each of kept) if (!each.isConnected || each.parentElement !== place) place.append(each);
}
