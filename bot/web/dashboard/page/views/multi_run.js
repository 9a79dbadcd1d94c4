// A multi-run: its attempts side by side, a comparison of their results, the synthesis and the answer.

import { org, poll, post, query, Unreachable } from "../api.js";
import { person } from "../avatar.js";
import { badge } from "../badge.js";
import { h, outside, skeleton, state } from "../dom.js";
import { inert } from "../inert.js";
import { markdown } from "../markdown.js";
import { confirm, notice } from "../notices.js";
import { nameOf } from "../pull_requests.js";
import { refusalWords } from "../run_actions.js";
import { follow } from "../stream.js";
import { ago, authorOf, count, exactly, isFinished } from "../words.js";
import { written } from "../written.js";
import { card } from "./multi_run/card.js";
import { comparison } from "./multi_run/comparison.js";
import { modelOf } from "./multi_run/model.js";
import { work } from "./multi_run/work.js";

export function show(root, place, signal) {
  const [id] = place.parts;
  // Only multi-runs requested by the HTTP API, whose ids start like this, have a stream.
  const isByHttp = id.startsWith("http-");
  let reported = null;
  let listed = null;
  let isUnknown = !isByHttp;
  let page = null;

  root.replaceChildren(skeleton("Loading …", ["title", "", "short", "block"]));
  const again = poll(() => query(org("/agent/runs"), { multi_run_id: id, limit: 100 }), onRuns, { signal, failed, answered });
  if (isByHttp) follow(org(`/multi-run/${encodeURIComponent(id)}/stream`), { onFrame, onState, signal });
  const timer = setInterval(() => page?.tick(), 1_000);
  signal.addEventListener("abort", () => clearInterval(timer));

  function onRuns({ items }) {
    listed = items;
    draw();
  }

  function onFrame(frame) {
    if (frame.type !== "multi_run_status") return;
    reported = frame.status;
    draw();
  }

  function onState({ name }) {
    if (name !== "refused") return;
    // The multi-run is no longer stored, but its runs may still exist.
    isUnknown = true;
    draw();
  }

  function draw() {
    if (!reported && !listed?.length) {
      if (isUnknown && listed) root.replaceChildren(h("h1", {}, "Multi-run"), state("empty", "The organization has no multi-run of this id."));
      return;
    }
    if (!page) {
      page = pageOf(id, { signal, again });
      root.replaceChildren(page.element);
    }
    page.update(modelOf(reported, listed ?? []));
  }

  function answered() {
    page?.showProblem("");
  }

  function failed(error) {
    if (error instanceof Unreachable && page) return;
    if (page) page.showProblem(error.message);
    else root.replaceChildren(h("h1", {}, "Multi-run"), state("error", error.message));
  }
}

function pageOf(id, { signal, again }) {
  const title = h("h1", {});
  const facts = { state: h("span", {}), who: h("span", {}), began: h("time", {}) };
  const message = h("p.message", { role: "status" });
  const progress = h("progress", { "aria-label": "Attempts that have ended" });
  const problem = h("p.problem", { role: "alert" });
  const kept = h("p.kept", { role: "status" });
  const attempts = h("ul.attempts", {});
  const synthesis = card("li.synthesis", "Synthesis", { signal, keep: () => keep(null, "the synthesis") });
  const answer = h("div.prose", {});
  const compared = comparison();
  const cards = new Map();
  const progressing = work({ signal, changed: () => model && show() });
  let model = null;
  let answered = null;

  const element = h(
    "div.multi-run",
    {},
    title,
    h("p.facts", {}, facts.state, facts.who, facts.began),
    message,
    progress,
    problem,
    h("section.answer", {}, h("h2", {}, "Answer"), answer),
    h("section", {}, h("h2", {}, "Attempts"), kept, attempts),
    compared.element,
  );

  function update(now) {
    const before = model;
    model = now;
    title.textContent = now.title;
    document.title = `${now.title} · codegen-bot`;
    if (!before || before.status !== now.status) facts.state.replaceChildren(...(now.status ? [badge(now.status, { pill: true })] : []));
    if (!before || before.author !== now.author || before.mark.identity !== now.mark.identity) facts.who.replaceChildren(...whoAndWhere(now));
    if (before?.message !== now.message) message.replaceChildren(...written(now.message));
    progress.max = Math.max(1, now.attempts.length);
    progress.value = now.ended;
    progress.title = `${now.ended} of ${count(now.attempts.length, "attempt")} have ended`;
    progress.hidden = now.ended === now.attempts.length && (now.status === null || isFinished(now.status));
    const text = JSON.stringify([now.final, now.status]);
    if (answered !== text) answer.replaceChildren(...answerOf(now));
    answered = text;
    progressing.follow(runsOf(now).map(({ id, status, github_pull_requests: links }) => ({ id, status, isFinished: isFinished(status), urls: links.map(({ url }) => url).filter(Boolean) })));
    show();
  }

  /** The cards and the comparison; also when only a log or a diff has changed. */
  function show() {
    for (const { number, run, problem: why } of model.attempts) {
      if (!cards.has(number)) {
        cards.set(number, card("li", `Attempt ${number}`, { signal, keep: () => keep(number, `attempt ${number}`) }));
        attempts.insertBefore(cards.get(number).element, synthesis.element.parentElement && synthesis.element);
      }
      cards.get(number).update({ run, problem: why, ...workOf(run), canKeep: canKeep(run) });
    }
    // A single attempt has no synthesis.
    if (!synthesis.element.isConnected && (model.synthesis || model.attempts.length > 1)) attempts.append(synthesis.element);
    synthesis.update({ run: model.synthesis, ...workOf(model.synthesis), canKeep: canKeep(model.synthesis) });
    compared.update(sidesOf(model).map((side) => ({ ...side, diff: side.run && progressing.diffOf(side.run.id) })));
    tick();
  }

  function workOf(run) {
    return run ? { diff: progressing.diffOf(run.id), call: progressing.callOf(run.id) } : {};
  }

  /** Whether choosing this run leaves a pull request, and closes another. */
  function canKeep(run) {
    const isOver = model.ended === model.attempts.length && (!model.synthesis || isFinished(model.synthesis.status));
    return Boolean(run) && isOver && urlsWithout(run, ["closed"]).length > 0 && closedBy(run).length > 0;
  }

  /** The pull requests of the other runs that are open, as far as known. */
  function closedBy(run) {
    const others = [...model.attempts.map((each) => each.run), model.synthesis].filter((each) => each && each.id !== run.id);
    const own = urlsOf(run);
    return others.flatMap((other) => urlsWithout(other, ["closed", "merged"])).filter((url) => !own.includes(url));
  }

  /** A run's pull requests, without those in one of these states, as far as known. */
  function urlsWithout(run, without) {
    const known = new Map((progressing.diffOf(run.id)?.pull_requests ?? []).map((each) => [each.url, each.state]));
    return urlsOf(run).filter((url) => !without.includes(known.get(url)));
  }

  async function keep(number, name) {
    const run = number === null ? model.synthesis : model.attempts.find((each) => each.number === number)?.run;
    if (!run) return;
    const yes = await confirm(`Keep ${name}, and close the pull requests of the others: ${closedBy(run).map(nameOf).join(", ")}.`, `Keep ${name}`);
    if (!yes) return;
    kept.className = "kept";
    kept.textContent = "Closing the others …";
    try {
      const { message: done } = await post(org(`/multi-run/${encodeURIComponent(id)}/keep`), number === null ? {} : { attempt: number });
      kept.replaceChildren(...written(inert(done)));
      notice(`Kept ${name}.`);
    } catch (error) {
      kept.className = "kept problem";
      kept.textContent = refusalWords(error);
    }
    again();
    progressing.reload();
  }

  function tick() {
    for (const each of [...cards.values(), synthesis]) each.tick();
    facts.began.textContent = model?.began ? `Started ${ago(model.began)}` : "";
    facts.began.title = exactly(model?.began);
  }

  return { element, update, tick, showProblem: (sentence) => (problem.textContent = sentence) };
}

function urlsOf(run) {
  return run.github_pull_requests.map(({ url }) => url).filter(Boolean);
}

function runsOf({ attempts, synthesis }) {
  return [...attempts.map(({ run }) => run), synthesis].filter(Boolean);
}

function answerOf({ final, status }) {
  if (final) return markdown(final);
  return [h("span.quiet", {}, status && isFinished(status) ? "There is no answer." : "It appears when all attempts have ended.")];
}

function sidesOf({ attempts, synthesis }) {
  const tries = attempts.map(({ number, run, problem }) => ({ key: String(number), name: `Attempt ${number}`, run, problem }));
  return synthesis ? [...tries, { key: "synthesis", name: "Synthesis", run: synthesis, problem: "" }] : tries;
}

function whoAndWhere({ author, mark: { repository, number, url } }) {
  const where = repository && (number ? `${repository}#${number}` : repository);
  return [author && person(inert(author)), where && (url ? outside(url, inert(where)) : inert(where))].filter(Boolean);
}
