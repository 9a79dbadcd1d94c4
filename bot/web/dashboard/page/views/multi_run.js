// A multi-run: its attempts side by side, what they say compared, the synthesis and the answer.

import { org, poll, query, Unreachable } from "../api.js";
import { badge } from "../badge.js";
import { h, linked, outside, state } from "../dom.js";
import { follow } from "../stream.js";
import { ago, count, exactly, isFinished } from "../words.js";
import { written } from "../written.js";
import { card } from "./multi_run/card.js";
import { comparison } from "./multi_run/comparison.js";
import { modelOf } from "./multi_run/model.js";

export function show(root, place, signal) {
  const [id] = place.parts;
  // The identity tells who asked for it: only one that was asked for by HTTP has a stream of its own.
  const isByHttp = id.startsWith("http-");
  let told = null;
  let listed = null;
  let isUnknown = !isByHttp;
  let page = null;

  root.replaceChildren(h("h1", {}, "Multi-run"), state("loading", "Loading …"));
  poll(() => query(org("/agent/runs"), { multi_run_id: id, limit: 100 }), onRuns, { signal, failed, answered });
  if (isByHttp) follow(org(`/multi-run/${encodeURIComponent(id)}/stream`), { onFrame, onState, signal });
  const timer = setInterval(() => page?.tick(), 1_000);
  signal.addEventListener("abort", () => clearInterval(timer));

  function onRuns({ items }) {
    listed = items;
    draw();
  }

  function onFrame(frame) {
    if (frame.type !== "multi_run_status") return;
    told = frame.status;
    draw();
  }

  function onState({ name }) {
    if (name !== "refused") return;
    // Its story is forgotten; its runs may be there all the same.
    isUnknown = true;
    draw();
  }

  function draw() {
    if (!told && !listed?.length) {
      if (isUnknown && listed) root.replaceChildren(h("h1", {}, "Multi-run"), state("empty", "The organization has no multi-run of this id."));
      return;
    }
    if (!page) {
      page = pageOf(signal);
      root.replaceChildren(page.element);
    }
    page.update(modelOf(told, listed ?? []));
  }

  function answered() {
    page?.tellProblem("");
  }

  function failed(error) {
    if (error instanceof Unreachable && page) return;
    if (page) page.tellProblem(error.message);
    else root.replaceChildren(h("h1", {}, "Multi-run"), state("error", error.message));
  }
}

function pageOf(signal) {
  const title = h("h1", {});
  const facts = { state: h("span", {}), who: h("span", {}), began: h("time", {}) };
  const message = h("p.message", { role: "status" });
  const progress = h("progress", { "aria-label": "Attempts that have ended" });
  const problem = h("p.problem", { role: "alert" });
  const attempts = h("ul.attempts", {});
  const synthesis = card("li.synthesis", "Synthesis", signal);
  const answer = h("div.text", {});
  const compared = comparison();
  const cards = new Map();
  let model = null;

  const element = h(
    "div.multi-run",
    {},
    title,
    h("p.facts", {}, facts.state, facts.who, facts.began),
    message,
    progress,
    problem,
    h("section.answer", {}, h("h2", {}, "The answer"), answer),
    h("section", {}, h("h2", {}, "Attempts"), attempts),
    compared.element,
  );

  function update(now) {
    const before = model;
    model = now;
    title.textContent = now.title;
    document.title = `${now.title} · codegen-bot`;
    if (!before || before.status !== now.status) facts.state.replaceChildren(...(now.status ? [badge(now.status)] : []));
    if (!before || before.mark.identity !== now.mark.identity) facts.who.replaceChildren(...whoAndWhere(now.mark));
    if (before?.message !== now.message) message.replaceChildren(...written(now.message));
    progress.max = Math.max(1, now.attempts.length);
    progress.value = now.ended;
    progress.title = `${now.ended} of ${count(now.attempts.length, "attempt")} have ended`;
    for (const attempt of now.attempts) updateAttempt(attempt);
    // A single attempt is never put together with anything.
    if (!synthesis.element.isConnected && (now.synthesis || now.attempts.length > 1)) attempts.append(synthesis.element);
    synthesis.update(now.synthesis);
    if (before?.final !== now.final || before.status !== now.status) answer.replaceChildren(...answerOf(now));
    compared.update(sidesOf(now));
    tick();
  }

  function updateAttempt({ number, run, problem }) {
    if (!cards.has(number)) {
      cards.set(number, card("li", `Attempt ${number}`, signal));
      attempts.insertBefore(cards.get(number).element, synthesis.element.parentElement && synthesis.element);
    }
    cards.get(number).update(run, problem);
  }

  function tick() {
    for (const each of [...cards.values(), synthesis]) each.tick();
    facts.began.textContent = model?.began ? `began ${ago(model.began)}` : "";
    facts.began.title = exactly(model?.began);
  }

  return { element, update, tick, tellProblem: (sentence) => (problem.textContent = sentence) };
}

function answerOf({ final, status }) {
  if (final) return linked(final);
  return [h("span.quiet", {}, status && isFinished(status) ? "There is none." : "It comes when all have ended.")];
}

function sidesOf({ attempts, synthesis }) {
  const tries = attempts.map(({ number, run, problem }) => ({ key: String(number), name: `Attempt ${number}`, run, problem }));
  return synthesis ? [...tries, { key: "synthesis", name: "Synthesis", run: synthesis, problem: "" }] : tries;
}

function whoAndWhere({ login, repository, number, url }) {
  const where = repository && (number ? `${repository}#${number}` : repository);
  return [login && `by ${login}`, login && where && " in ", where && (url ? outside(url, where) : where)].filter(Boolean);
}
