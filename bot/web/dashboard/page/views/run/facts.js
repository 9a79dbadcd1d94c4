// What is known of a run, in lines that change by themselves.

import { h, outside } from "../../dom.js";
import { inert } from "../../inert.js";
import { ago, exactly, isFinished, lasted, markOf } from "../../words.js";

const TICK = 1_000;

/** @returns {{element: HTMLElement, tell: (run: object) => void}} */
export function facts(signal) {
  const lines = new Map();
  const element = h("dl.facts", {});
  let run = null;
  const ticking = setInterval(() => run && times(), TICK);
  signal.addEventListener("abort", () => clearInterval(ticking));
  return { element, tell };

  function tell(told) {
    run = told;
    const mark = markOf(run);
    line("Started by", mark.login || run.source_type || null, () => (mark.login ? [inert(mark.login), mark.command ? `, with ${inert(mark.command)}` : ""] : [inert(run.source_type)]));
    line("Thread", mark.url || mark.repository || null, () => [outside(mark.url, inert(threadWords(mark)))]);
    line("Pull requests", pullRequests(run), (links) => links.map((link) => h("span.link", {}, outside(link.url, inert(link.words)), " ")));
    line("Multi-run", run.metadata?.multi_run_id ?? null, (id) => [h("a", { href: `#/multi-runs/${encodeURIComponent(id)}` }, multiRunWords(run.metadata))]);
    line("At Codegen", run.web_url ?? null, (url) => [outside(url, "Codegen's page of this run")]);
    times();
  }

  function times() {
    line("Created", run.created_at ?? null, () => [h("time", { datetime: run.created_at, title: exactly(run.created_at) }, ago(run.created_at))], ago(run.created_at));
    const took = lasted(run);
    line(isFinished(run.status) ? "Took" : "At work for", took || null, () => [took]);
    for (const other of isFinished(run.status) ? ["At work for"] : ["Took"]) line(other, null);
  }

  /** A line; it is only made anew where its value is another one, so that nothing that has the focus goes. */
  function line(name, value, made, seen = "") {
    const known = lines.get(name);
    const key = JSON.stringify([value, seen]);
    if (value === null || value.length === 0) {
      known?.element.remove();
      lines.delete(name);
    } else if (!known) {
      const place = h("dd", {}, ...made(value));
      const added = { key, place, element: h("div", {}, h("dt", {}, name), place) };
      lines.set(name, added);
      element.append(added.element);
    } else if (known.key !== key) {
      known.key = key;
      known.place.replaceChildren(...made(value));
    }
  }
}

function threadWords({ repository, number, url }) {
  return repository ? `${repository}${number ? `#${number}` : ""}` : url;
}

/** As links with their words: "octo/shop#12 Fix it". */
function pullRequests({ github_pull_requests: links }) {
  return (links ?? []).filter((link) => link.url).map((link) => ({ url: link.url, words: `${nameOf(link.url)}${link.title ? ` ${link.title}` : ""}` }));
}

/** "octo/shop#12" of its address. */
export function nameOf(url) {
  const found = /^https?:\/\/[^/]+\/([^/]+\/[^/]+)\/pull\/(\d+)/.exec(url);
  return found ? `${found[1]}#${found[2]}` : url;
}

function multiRunWords({ multi_run_index: index, multi_run_total: total, multi_run_synthesis: isSynthesis }) {
  if (isSynthesis) return "The synthesis of a multi-run";
  return Number.isInteger(index) && Number.isInteger(total) ? `Attempt ${index} of ${total}` : "One of a multi-run";
}
