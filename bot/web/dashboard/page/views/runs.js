// The list of runs, filtered and sorted as the URL says; only visible ones are loaded and rendered.

import { Unreachable, org, poll, query } from "../api.js";
import { button, h, state } from "../dom.js";
import { go } from "../router.js";
import { filterBar } from "../filter_bar.js";
import { rememberRuns } from "../known_runs.js";
import { addressOf, filtersIn, narrowing, parametersOf } from "../run_filters.js";
import { News } from "../run_news.js";
import { COLUMNS, placeholder, runRow } from "../run_row.js";
import { ME, session } from "../session.js";
import { stars } from "../stars.js";
import { Windowed } from "../windowed.js";
import { clock, count } from "../words.js";

const PAGE = 100;
// A page starts at a multiple of fifty, so one request covers all visible runs and some around them.
const STEP = 50;
const BETWEEN = 200;
const TICK = 5_000;

/** What was shown when the list was left, for an immediate display on return. */
let left = null;

export function show(root, place, signal) {
  const whose = { organization: session.organization, token: session.token };
  let filters = filtersIn(place.query);
  let isAwaited = true;
  let asked = null;
  let askedAt = 0;
  let isAsking = false;
  let answeredAt = 0;
  let cameAbove = 0;
  const timers = {};

  const amount = h("p.amount", { role: "status" });
  const trouble = h("p.problem", { role: "status" });
  const spoken = h("p.unseen", { role: "status" });
  const above = button("", () => scrollTo({ top: 0 }), { class: "above", hidden: true });
  const body = h("div.run-rows", { role: "rowgroup" });
  const table = tableOf(body);
  const instead = h("div");
  const news = new News(spoken, signal);
  const { element: bar, clear } = filterBar(filters, narrow, signal);
  const begin = h("a.button.primary", { href: "#/new" }, "New run");
  root.replaceChildren(h("div.page-top", {}, h("h1", {}, "Runs"), amount, begin), bar, trouble, spoken, above, table, instead);

  const make = (run) => (run ? runRow(run, (each) => news.noteOf(each)) : placeholder());
  // Before the list removes its rows.
  signal.addEventListener("abort", leave);
  const list = new Windowed(body, { keyOf: (run) => run.id, make, moved, usual: "run", signal });
  comeBack();
  let refresh = () => {};
  if (filters.author === ME && !session.login) session.known.then(follow);
  else follow();
  timers.tick = setInterval(() => list.render(), TICK);
  stars.addEventListener("change", () => filters.starred && refresh(), { signal });
  table.addEventListener("click", note, { capture: true });

  function follow() {
    if (!signal.aborted) refresh = poll(pathOf, update, { signal, failed, answered });
  }

  function comeBack() {
    const isMine = left?.token === whose.token && left.organization === whose.organization;
    if (!isMine || left.address !== addressOf(filters)) return list.render();
    isAwaited = false;
    news.begin([...left.items.values()]);
    list.restore(left);
    showAmount();
    scrollTo({ top: history.state?.runs ?? 0, behavior: "instant" });
    list.render();
    if (left.focused !== undefined) list.focusOn(left.focused);
  }

  function leave() {
    for (const timer of Object.values(timers)) clearTimeout(timer);
    // Another organization or another user may be active by now.
    const isKept = !isAwaited && session.token === whose.token;
    left = isKept ? { ...whose, address: addressOf(filters), focused: list.focused, ...list.loaded } : null;
  }

  function wanted() {
    const [first, last] = list.inSight;
    return Math.max(0, Math.round(((first + last) / 2 - STEP) / STEP) * STEP);
  }

  function pathOf() {
    asked = wanted();
    askedAt = performance.now();
    isAsking = true;
    return org(query("/agent/runs", { ...parametersOf(filters), skip: asked || "", limit: PAGE }));
  }

  function update({ items, total }) {
    const seenAt = Date.now();
    for (const run of items) run.seenAt = seenAt;
    rememberRuns(items);
    if (items.some(({ usage }) => usage)) table.classList.add("with-cost");
    if (isAwaited) {
      list.clear();
      news.begin(items);
    } else {
      news.see(items, { newestFirst: !filters.sort });
    }
    isAwaited = false;
    table.removeAttribute("aria-busy");
    table.hidden = total === 0;
    const by = list.update(items, asked, total);
    showAmount();
    if (by > 0 && list.inSight[0] > 0) showAbove(by);
    moved();
  }

  function showAmount() {
    const { total } = list;
    const words = narrowing(filters) ? `${count(total, "run")} found` : count(total, "run");
    if (amount.textContent !== words) amount.textContent = words;
    table.setAttribute("aria-rowcount", total + 1);
    instead.replaceChildren(...(total ? [] : [narrowing(filters) ? nothingFound() : nothingYet()]));
  }

  function nothingFound() {
    return state("empty", "No runs match the filters.", button("Show all runs", clear));
  }

  function showAbove(by) {
    cameAbove += by;
    above.textContent = `↑ ${count(cameAbove, "new run")}`;
    above.hidden = false;
  }

  function moved() {
    clearTimeout(timers.note);
    timers.note = setTimeout(note, BETWEEN);
    if (list.inSight[0] === 0) {
      cameAbove = 0;
      above.hidden = true;
    }
    if (list.total === null || wanted() === asked || timers.ask) return;
    timers.ask = setTimeout(() => {
      timers.ask = null;
      // A request in progress is awaited as long as part of it is visible, else continuous scrolling would load nothing.
      const [first, last] = list.inSight;
      const isOfUse = isAsking && last >= asked && first < asked + PAGE;
      if (wanted() !== asked && !isOfUse) refresh();
    }, Math.max(0, askedAt + BETWEEN - performance.now()));
  }

  function answered(since) {
    isAsking = false;
    answeredAt = since ?? Date.now();
    trouble.textContent = since ? `As of ${clock(since)}.` : "";
    table.classList.toggle("stale", since !== null);
  }

  /** Stores the scroll position in the history entry, for the return to it. */
  function note() {
    history.replaceState({ runs: scrollY }, "");
  }

  function narrow(changed) {
    if (addressOf(changed) === addressOf(filters)) return;
    filters = changed;
    go(addressOf(filters), { replace: true });
    isAwaited = true;
    table.setAttribute("aria-busy", "true");
    if (body.getBoundingClientRect().top < 0) scrollTo({ top: 0, behavior: "instant" });
    if (filters.author === ME && !session.login) session.known.then(refresh);
    else refresh();
  }

  function failed(error) {
    isAsking = false;
    if (isAwaited) {
      table.hidden = true;
      amount.textContent = "";
      instead.replaceChildren(state("error", error.message, button("Try again", refresh)));
    } else {
      table.classList.add("stale");
      const since = answeredAt ? `As of ${clock(answeredAt)}` : "Out of date";
      trouble.textContent = error instanceof Unreachable || error.isUpstream ? `${since}.` : `${since}: ${error.message}`;
    }
  }
}

function nothingYet() {
  return state("empty", "There are no runs yet.", h("a", { href: "#/new" }, "Start the first one"));
}

function tableOf(body) {
  const heads = COLUMNS.map((words) => h(`div.cell.of-${words.toLowerCase()}`, { role: "columnheader" }, words));
  return h(
    "div.run-table",
    { role: "table", "aria-label": "Runs", "aria-busy": "true", "aria-rowcount": -1 },
    h("div", { role: "rowgroup" }, h("div.run-head", { role: "row", "aria-rowindex": 1 }, ...heads)),
    body,
  );
}
