// One run: its facts, the actions on it, and its live log.

import { Unreachable, org, poll } from "../api.js";
import { badge } from "../badge.js";
import { copyButton } from "../copying.js";
import { coded, h, skeleton, state } from "../dom.js";
import { inert } from "../inert.js";
import { knownRun } from "../known_runs.js";
import { markdown } from "../markdown.js";
import { runActions } from "../run_actions.js";
import { starButton } from "../stars.js";
import { stepOf } from "../steps.js";
import { toolsPlot } from "../tools_plot.js";
import { ago, isFinished, titleOf } from "../words.js";
import { changes } from "./run/changes.js";
import { facts } from "./run/facts.js";
import { runLog } from "./run/log.js";
import { textBlock } from "./run/values.js";

/** Characters that are rendered as Markdown; what follows is shown as text. */
const LONGEST = 100_000;
const TICK = 1_000;

export function show(root, place, signal) {
  const id = Number(place.parts[0]);
  // A run that does not exist is not polled.
  const polling = new AbortController();
  signal.addEventListener("abort", () => polling.abort());
  let page = null;
  const target = Number(place.query.get("entry")) || 0;
  root.replaceChildren(skeleton(`Loading run ${id} …`, ["title", "", "short", "block"]));
  const again = poll(() => org(`/agent/run/${id}`), update, { signal: polling.signal, failed });

  function update(run) {
    if (!page) {
      page = pageOf(run, { signal, again, target });
      root.replaceChildren(page.element);
    }
    page.update(run);
  }

  function failed(error) {
    if (error.status === 404) polling.abort();
    if (page) return;
    // As the list has shown it, until the server responds.
    if (error instanceof Unreachable && knownRun(id)) return update(knownRun(id));
    const sentence = error.status === 404 ? `There is no run ${id} in this organization, or this token has no access to it.` : error.message;
    root.replaceChildren(state("error", sentence, h("p", {}, h("a", { href: "#/runs" }, "All runs"))));
  }
}

function pageOf(first, { signal, again, target }) {
  let run = first;
  const title = h("h1", { id: "run-title" });
  const status = h("p.status", { role: "status" });
  const now = h("p.now", { hidden: true });
  const known = facts(signal);
  const texts = { summary: section("Summary"), result: section("Result") };
  const changed = changes(run.id, signal);
  const plot = toolsPlot(signal);
  let call = null;
  const log = runLog(run.id, { signal, isFinished: isFinished(run.status), target, onStatus, onEntry });
  const actions = runActions(run, { signal, done });
  const ticking = setInterval(showStep, TICK);
  signal.addEventListener("abort", () => clearInterval(ticking));
  const element = h(
    "div.one-run",
    {},
    h("div.one-run-top", {}, h("div.one-run-title", {}, starButton(run.id, signal), title), h("div.one-run-known", {}, status, now)),
    h("div.one-run-aside", {}, h("section.one-run-facts", { "aria-label": "Facts" }, known.element), h("div.one-run-side", {}, actions.element, plot.element)),
    h("div.one-run-main", {}, h("div.one-run-texts", {}, texts.result.element, texts.summary.element, changed.element), log.element),
  );
  return { element, update };

  function update(latest) {
    run = { seenAt: Date.now(), ...latest };
    const words = inert(titleOf(run));
    if (title.dataset.words !== words) {
      title.dataset.words = words;
      title.replaceChildren(...coded(words));
    }
    document.title = `${words.slice(0, 80)} · Run ${run.id} · codegen-bot`;
    if (status.dataset.status !== String(run.status)) {
      status.dataset.status = String(run.status);
      status.replaceChildren(badge(run.status, { pill: true }), h("span.quiet", {}, ` Run ${run.id}`));
    }
    showStep();
    known.update(run);
    changed.update(run);
    texts.summary.update(run.summary === run.result ? null : run.summary);
    texts.result.update(run.result);
    actions.update(run);
    // It was resumed, here or elsewhere.
    if (!isFinished(run.status) && log.hasEnded()) log.again();
  }

  function onEntry(entry) {
    plot.add(entry);
    if (entry.tool_name) call = entry;
  }

  /** What the agent does now. */
  function showStep() {
    now.hidden = isFinished(run.status) || !call;
    if (now.hidden) return;
    const { tool, target: on } = stepOf(call);
    const words = [h("code", {}, tool), on && h("code.target", {}, on), call.created_at && h("span.quiet", {}, ago(call.created_at))].filter(Boolean);
    const key = words.map((each) => each.textContent).join(" ");
    if (now.dataset.key === key) return;
    now.dataset.key = key;
    now.replaceChildren(...words);
  }

  /** The stream is faster than the poll, but does not contain the pull requests. */
  function onStatus({ status: word, summary, result }) {
    if (word === run.status && summary === run.summary && result === run.result) return;
    update({ ...run, seenAt: run.seenAt, status: word, summary, result });
    again();
  }

  function done() {
    log.again();
    again();
  }
}

/** An agent's text under a heading; hidden if there is none. */
function section(name) {
  const body = h("div.prose");
  let shown = null;
  const top = h("div.section-top", {}, h("h2", {}, name), copyButton(() => shown, `Copy the ${name.toLowerCase()}`));
  const element = h("section.agent-text", { hidden: true, "aria-label": name }, top, body);
  return { element, update };

  function update(text) {
    if (text === shown) return;
    shown = text;
    element.hidden = !text;
    if (!text) return body.replaceChildren();
    body.replaceChildren(...markdown(text.slice(0, LONGEST)), ...(text.length > LONGEST ? [textBlock(text.slice(LONGEST))] : []));
  }
}
