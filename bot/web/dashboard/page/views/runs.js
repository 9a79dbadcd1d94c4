// The runs: filtered, sorted and searched as the address says, of which only those in sight are fetched and drawn.

import { Unreachable, org, poll, query } from "../api.js";
import { button, h, state } from "../dom.js";
import { go } from "../router.js";
import { addressOf, filterForm, filtersIn, narrowing, parametersOf } from "../run_filters.js";
import { News } from "../run_news.js";
import { COLUMNS, placeholder, runRow } from "../run_row.js";
import { session } from "../session.js";
import { stars } from "../stars.js";
import { Windowed } from "../windowed.js";
import { count } from "../words.js";

const PAGE = 100;
// A page of the API may begin at every fiftieth run: so one question tells all that is in sight, and some around it.
const STEP = 50;
const BETWEEN = 200;
const TICK = 5_000;

/** What was shown when the list was left, so that it is there at once for who comes back. */
let left = null;

export function show(root, place, signal) {
  const whose = { organization: session.organization, token: session.token };
  let filters = filtersIn(place.query);
  let isAwaited = true;
  let asked = null;
  let askedAt = 0;
  let isAsking = false;
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
  const { form, clear } = filterForm(filters, narrow, signal);
  root.replaceChildren(h("div.runs-top", {}, h("h1", {}, "Runs"), amount), form, trouble, spoken, above, table, instead);

  const make = (run) => (run ? runRow(run, (each) => news.noteOf(each)) : placeholder());
  const list = new Windowed(body, { keyOf: (run) => run.id, make, moved, usual: "run", signal });
  comeBack();
  const look = poll(pathOf, tell, { signal, failed, answered });
  timers.tick = setInterval(() => list.render(), TICK);
  stars.addEventListener("change", () => filters.starred && look(), { signal });
  table.addEventListener("click", note, { capture: true });
  signal.addEventListener("abort", leave);

  function comeBack() {
    const isMine = left?.token === whose.token && left.organization === whose.organization;
    if (!isMine || left.address !== addressOf(filters)) return list.render();
    isAwaited = false;
    news.begin([...left.items.values()]);
    list.restore(left);
    tellAmount();
    scrollTo({ top: history.state?.runs ?? 0, behavior: "instant" });
  }

  function leave() {
    for (const timer of Object.values(timers)) clearTimeout(timer);
    // By now another organization may be chosen, or somebody else be about to sign in.
    const isKept = !isAwaited && session.token === whose.token;
    left = isKept ? { ...whose, address: addressOf(filters), ...list.known } : null;
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

  function tell({ items, total }) {
    if (isAwaited) {
      list.clear();
      news.begin(items);
    } else {
      news.see(items, { newestFirst: !filters.sort });
    }
    isAwaited = false;
    table.removeAttribute("aria-busy");
    table.hidden = total === 0;
    const by = list.tell(items, asked, total);
    tellAmount();
    if (by > 0 && list.inSight[0] > 0) tellAbove(by);
    moved();
  }

  function tellAmount() {
    const { total } = list;
    const words = narrowing(filters) ? `${count(total, "run")} found` : count(total, "run");
    if (amount.textContent !== words) amount.textContent = words;
    table.setAttribute("aria-rowcount", total + 1);
    instead.replaceChildren(...(total ? [] : [narrowing(filters) ? nothingFound() : nothingYet()]));
  }

  function nothingFound() {
    return state("empty", "No run is like that.", button("Show all runs", clear));
  }

  function tellAbove(by) {
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
      // What is on its way is waited for as long as some of it is in sight: else nothing came while one scrolls on and on.
      const [first, last] = list.inSight;
      const isOfUse = isAsking && last >= asked && first < asked + PAGE;
      if (wanted() !== asked && !isOfUse) look();
    }, Math.max(0, askedAt + BETWEEN - performance.now()));
  }

  function answered() {
    isAsking = false;
    trouble.textContent = "";
  }

  /** With the step in the browser's history: who comes back to it finds the same place. */
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
    look();
  }

  function failed(error) {
    isAsking = false;
    if (isAwaited) {
      table.hidden = true;
      amount.textContent = "";
      instead.replaceChildren(state("error", error.message, button("Try again", look)));
    } else if (!(error instanceof Unreachable)) {
      trouble.textContent = `This may be old: ${error.message}`;
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
