// Statistics of recent runs.

import { Unreachable, org, poll } from "../api.js";
import { button, h, skeleton, state } from "../dom.js";
import { columnsPlot } from "../plots.js";
import { go } from "../router.js";
import { clock, count, duration } from "../words.js";
import { costsCards } from "./overview/costs.js";
import { headline } from "./overview/figures.js";
import { statesCard } from "./overview/states.js";

const DAYS = ["7", "14", "30", "90"];
const USUAL = "14";
const EVERY = 10_000;
const COSTS_EVERY = 30_000;

// From the bottom of a column to its top, and the states that each is made of.
const SERIES = [
  { kind: "succeeded", name: "Succeeded", of: ["succeeded"] },
  { kind: "failed", name: "Failed", of: ["failed", "timed-out", "out-of-tokens", "max-iterations"] },
  { kind: "cancelled", name: "Cancelled", of: ["cancelled"] },
  { kind: "working", name: "Not finished", of: ["working", "paused", "queued"] },
];

export function show(root, place, signal) {
  let days = DAYS.includes(place.query.get("days")) ? place.query.get("days") : USUAL;
  let isAwaited = true;
  let answeredAt = 0;
  const cut = h("p.hint", { role: "status" });
  const trouble = h("p.problem", { role: "status" });
  const instead = h("div", {}, skeleton("Counting runs …", ["block", "block"]));
  const figures = headline();
  const perDay = columnsPlot({ title: "Runs per day", unit: "runs", series: SERIES });
  const states = statesCard();
  const times = columnsPlot({ title: "Time to finish", unit: "runs", series: [{ kind: "time", name: "Runs" }] });
  const spent = costsCards();
  const content = h("div.overview", { hidden: true }, figures.element, perDay.element, states.element, times.element, spent.element);
  root.replaceChildren(h("div.page-top", {}, h("h1", {}, "Overview"), chooser(days, choose)), trouble, cut, content, instead);
  const refresh = poll(() => org(`/overview?days=${days}`), update, { signal, every: EVERY, failed, answered });
  const refreshCosts = poll(() => org(`/costs?days=${days}`), spent.update, { signal, every: COSTS_EVERY });

  function answered(since) {
    answeredAt = since ?? Date.now();
    trouble.textContent = since ? `As of ${clock(since)}.` : "";
  }

  function choose(chosen) {
    days = chosen;
    isAwaited = true;
    content.setAttribute("aria-busy", "true");
    go(days === USUAL ? "#/overview" : `#/overview?days=${days}`, { replace: true });
    refresh();
    refreshCosts();
  }

  function update(overview) {
    isAwaited = false;
    content.removeAttribute("aria-busy");
    content.hidden = overview.runs === 0;
    cut.textContent = overview.is_cut ? `Only the newest ${count(overview.runs, "run")} of these ${days} days are counted.` : "";
    instead.replaceChildren(...(overview.runs ? [] : [state("empty", `There were no runs in the last ${days} days.`, h("a.button.primary", { href: "#/new" }, "Start one"))]));
    figures.update(overview, days);
    perDay.draw(daysOf(overview));
    states.update(overview.by_status);
    times.draw(timesOf(overview));
  }

  function failed(error) {
    if (isAwaited) {
      content.hidden = true;
      cut.textContent = "";
      instead.replaceChildren(state("error", error.message, button("Try again", refresh)));
    } else if (!(error instanceof Unreachable)) {
      trouble.textContent = `As of ${clock(answeredAt)}${error.isUpstream ? "." : `: ${error.message}`}`;
    }
  }
}

function chooser(days, choose) {
  const option = (value) =>
    h(
      "label",
      {},
      h("input", { type: "radio", name: "days", value, "aria-label": `${value} days`, checked: value === days, on: { change: () => choose(value) } }),
      h("span", {}, `${value} days`),
    );
  return h("fieldset.choices", {}, h("legend", {}, "Days"), ...DAYS.map(option));
}

function daysOf({ days, runs }) {
  const columns = days.map(({ day, by_status: all }) => ({
    name: dayOf(day, { weekday: "short" }),
    short: dayOf(day),
    parts: Object.fromEntries(SERIES.map(({ kind, of }) => [kind, of.reduce((sum, state) => sum + (all[state] ?? 0), 0)])),
  }));
  const amounts = columns.map(({ parts }) => Object.values(parts).reduce((sum, each) => sum + each, 0));
  const most = Math.max(...amounts);
  return { words: `${count(runs, "run")} by the day they started (UTC); most on ${columns[amounts.indexOf(most)].short}: ${most.toLocaleString("en")}.`, columns };
}

function timesOf({ time_to_finish: time, ended }) {
  const columns = [];
  const ends = Object.keys(time.buckets).map(Number);
  for (let end = Math.min(...ends); end <= Math.max(...ends); end *= 2) {
    const name = end === 1 ? "up to 1 s" : `${duration(end / 2)} to ${duration(end)}`;
    columns.push({ name, short: `≤ ${roughly(end)}`, parts: { time: time.buckets[end] ?? 0 } });
  }
  return { words: time.known ? `Known for ${time.known.toLocaleString("en")} of ${count(ended, "finished run")}.` : "Not known for any run yet.", columns };
}

function dayOf(day, more = {}) {
  return new Date(`${day}T00:00Z`).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC", ...more });
}

/** A short form: "32 s", "4 min", "2.3 h". */
function roughly(seconds) {
  if (seconds < 60) return `${seconds} s`;
  return seconds < 5_400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3_600).toFixed(1)} h`;
}
