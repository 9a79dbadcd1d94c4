// One run: what is known of it, what can be done with it, and its log as it grows.

import { org, poll } from "../api.js";
import { badge } from "../badge.js";
import { h, linked, state } from "../dom.js";
import { inert } from "../inert.js";
import { runActions } from "../run_actions.js";
import { starButton } from "../stars.js";
import { toolsPlot } from "../tools_plot.js";
import { isFinished, titleOf } from "../words.js";
import { facts } from "./run/facts.js";
import { runLog } from "./run/log.js";
import { textBlock } from "./run/values.js";

const LONGEST = 10_000;

export function show(root, place, signal) {
  const id = Number(place.parts[0]);
  // What there is not is not asked for again.
  const asking = new AbortController();
  signal.addEventListener("abort", () => asking.abort());
  let page = null;
  root.replaceChildren(state("loading", `Run ${id} is being read …`));
  const again = poll(() => org(`/agent/run/${id}`), tell, { signal: asking.signal, failed });

  function tell(run) {
    if (!page) {
      page = pageOf(run, { signal, again });
      root.replaceChildren(page.element);
    }
    page.tell(run);
  }

  function failed(error) {
    if (error.status === 404) asking.abort();
    if (page) return;
    const sentence = error.status === 404 ? `There is no run ${id} in this organization, or this token does not see it.` : error.message;
    root.replaceChildren(state("error", sentence, h("p", {}, h("a", { href: "#/runs" }, "To the runs"))));
  }
}

function pageOf(first, { signal, again }) {
  let run = first;
  const title = h("h1", { id: "run-title" });
  const status = h("p.status", { role: "status" });
  const known = facts(signal);
  const texts = { summary: section("Summary"), result: section("Result") };
  const plot = toolsPlot(signal);
  const log = runLog(run.id, { signal, isFinished: isFinished(run.status), onStatus: hear, onEntry: plot.add });
  const actions = runActions(run, { signal, done });
  const element = h(
    "div.one-run",
    {},
    h("div.one-run-top", {}, h("div.one-run-title", {}, starButton(run.id, signal), title), h("div.one-run-known", {}, status, known.element)),
    h("div.one-run-main", {}, texts.result.element, texts.summary.element, log.element),
    h("div.one-run-side", {}, actions.element, plot.element),
  );
  return { element, tell };

  function tell(told) {
    run = told;
    const words = inert(titleOf(run));
    if (title.textContent !== words) title.textContent = words;
    document.title = `${words.slice(0, 80)} · Run ${run.id} · codegen-bot`;
    if (status.dataset.status !== String(run.status)) {
      status.dataset.status = String(run.status);
      status.replaceChildren(badge(run.status), h("span.quiet", {}, ` run ${run.id}`));
    }
    known.tell(run);
    texts.summary.tell(run.summary === run.result ? null : run.summary);
    texts.result.tell(run.result);
    actions.tell(run);
    // Somebody gave it a follow-up, here or elsewhere.
    if (!isFinished(run.status) && log.hasEnded()) log.again();
  }

  /** The stream says earlier than the next question how the run is; its pull requests are only told by the answer. */
  function hear({ status: word, summary, result }) {
    if (word === run.status && summary === run.summary && result === run.result) return;
    tell({ ...run, status: word, summary, result });
    again();
  }

  function done() {
    log.again();
    again();
  }
}

/** A text of a model's under a heading, as text with links; hidden where there is none. */
function section(name) {
  const body = h("div.prose", {});
  const element = h("section", { hidden: true, "aria-label": name }, h("h2", {}, name), body);
  let shown = null;
  return { element, tell };

  function tell(text) {
    if (text === shown) return;
    shown = text;
    element.hidden = !text;
    if (!text) return body.replaceChildren();
    if (text.length > LONGEST) body.replaceChildren(textBlock(text));
    else body.replaceChildren(...linked(inert(text)));
  }
}
