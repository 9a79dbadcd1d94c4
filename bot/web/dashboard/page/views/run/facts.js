// A run's facts in a fixed order, updated in place. What may still come has its line from the start, so that nothing moves.

import { person } from "../../avatar.js";
import { h, outside } from "../../dom.js";
import { inert } from "../../inert.js";
import { lineCounts, nameOf, pullRequestLink } from "../../pull_requests.js";
import { ago, authorOf, cost, count, exactly, isFinished, isOfOwnAgent, lasted, markOf, tokens } from "../../words.js";

const TICK = 1_000;
const UNKNOWN = "–";

/** @returns {{element: HTMLElement, update: (run: object) => void}} */
export function facts(signal) {
  const lines = new Map(NAMES.map((name) => [name, lineOf(name)]));
  const element = h("dl.facts", {}, [...lines.values()].map((each) => each.element));
  let run = null;
  const ticking = setInterval(() => run && times(), TICK);
  signal.addEventListener("abort", () => clearInterval(ticking));
  return { element, update };

  function update(latest) {
    run = latest;
    const mark = markOf(run);
    const author = authorOf(run);
    // Only agents of the server's own report these.
    const isOwn = Boolean(run.agent_type) || isOfOwnAgent(run);
    set("Author", author || null, () => [person(inert(author))]);
    set("Source", sourceOf(run, mark), (words) => [words]);
    set("Thread", mark.url || mark.repository || null, () => [outside(mark.url, inert(threadWords(mark)))]);
    set("Pull requests", pullRequests(run), (links) => (links.length ? links.map((link) => h("span.link", {}, pullRequestLink(link))) : [isFinished(run.status) ? "None" : "None yet"]));
    set("Changes", isOwn ? (run.changes ?? UNKNOWN) : null, (found) => (found === UNKNOWN ? [UNKNOWN] : [`${count(found.files, "file")}, `, lineCounts(found)]));
    set("Agent", run.agent_type || null, (name) => [inert(name)]);
    set("Model", run.model || null, (name) => [inert(name)]);
    set("Tokens", isOwn ? tokens(run.usage) || UNKNOWN : null, (words) => [h("span", { title: tokensIn(run.usage) }, words)]);
    set("Cost", isOwn ? cost(run.usage) || UNKNOWN : null, (words) => [h("span", { title: run.usage?.is_estimated ? "Estimated from the server's price table" : null }, words)]);
    set("Multi-run", run.metadata?.multi_run_id ?? null, (id) => [h("a", { href: `#/multi-runs/${encodeURIComponent(id)}` }, multiRunWords(run.metadata))]);
    set("At Codegen", isElsewhere(run.web_url) ? run.web_url : null, (url) => [outside(url, "Open in Codegen")]);
    times();
  }

  function times() {
    set("Started", run.created_at ?? null, () => [h("time", { datetime: run.created_at, title: exactly(run.created_at) }, ago(run.created_at))], ago(run.created_at));
    set("Duration", lasted(run) || UNKNOWN, (words) => [words]);
  }

  /** Updates a line only if its value changed, so that a focused element stays. */
  function set(name, value, made, seen = "") {
    const line = lines.get(name);
    const key = JSON.stringify([value, seen]);
    if (line.key === key) return;
    line.key = key;
    line.element.hidden = value === null;
    line.place.replaceChildren(...(value === null ? [] : made(value)));
  }
}

const NAMES = ["Author", "Source", "Thread", "Started", "Duration", "Pull requests", "Changes", "Agent", "Model", "Tokens", "Cost", "Multi-run", "At Codegen"];

function lineOf(name) {
  const place = h("dd");
  return { key: null, place, element: h("div", { hidden: true }, h("dt", {}, name), place) };
}

const VIA = { dashboard: "the dashboard", api: "the API", cli: "the command line" };

/** Which command started it and how, else where it came from. */
function sourceOf(run, { command, via }) {
  if (command) return inert(VIA[via] ? `${command}, by ${VIA[via]}` : command);
  return run.source_type ? inert(run.source_type.toLowerCase().replaceAll("_", " ")) : null;
}

function tokensIn(usage) {
  const parts = [
    ["in", usage?.input_tokens],
    ["out", usage?.output_tokens],
  ];
  return parts.filter(([, number]) => typeof number === "number").map(([word, number]) => `${number.toLocaleString("en")} ${word}`).join(", ") || null;
}

/** Runs of the server's own agents have their page here. */
function isElsewhere(url) {
  return Boolean(url) && !url.startsWith(`${location.origin}/`);
}

function threadWords({ repository, number, url }) {
  return repository ? `${repository}${number ? `#${number}` : ""}` : nameOf(url);
}

function pullRequests({ github_pull_requests: links }) {
  return (links ?? []).filter((link) => link.url).map(({ url, title }) => ({ url, title }));
}

function multiRunWords({ multi_run_index: index, multi_run_total: total, multi_run_synthesis: isSynthesis }) {
  if (isSynthesis) return "The synthesis of a multi-run";
  return Number.isInteger(index) && Number.isInteger(total) ? `Attempt ${index} of ${total}` : "One of a multi-run";
}
