// How the runs went lately, in numbers and pictures.

import { Unreachable, org, poll } from "../api.js";
import { button, h, state } from "../dom.js";
import { barsPlot, columnsPlot, hatches, share } from "../plots.js";
import { go } from "../router.js";
import { ALL_STATES, count, duration } from "../words.js";

const DAYS = ["7", "14", "30", "90"];
const USUAL = "14";
const EVERY = 10_000;

// What went well stands at the foot of a column, what is not yet known at its top.
const STACKED = ["succeeded", "cancelled", "failed", "timed-out", "out-of-tokens", "max-iterations", "working", "queued"];

export function show(root, place, signal) {
  let days = DAYS.includes(place.query.get("days")) ? place.query.get("days") : USUAL;
  let isAwaited = true;
  const cut = h("p.hint", { role: "status" });
  const trouble = h("p.problem", { role: "status" });
  const instead = h("div", {}, state("loading", "The runs are being counted."));
  const figures = { share: figure("Success"), runs: figure("Runs"), time: figure("Time to finish") };
  const perDay = columnsPlot({ title: "Runs per day", unit: "runs", kinds: STACKED });
  const perState = barsPlot({ title: "Runs by state", unit: "runs" });
  const times = columnsPlot({ title: "Time to finish", unit: "runs", kinds: ["time"] });
  const told = h(
    "div.overview",
    { hidden: true },
    h("dl.figures", {}, ...Object.values(figures).map(({ element }) => element)),
    perDay.element,
    perState.element,
    times.element,
  );
  root.replaceChildren(hatches(), h("div.runs-top", {}, h("h1", {}, "Overview"), chooser(days, choose)), trouble, cut, told, instead);
  const look = poll(() => org(`/overview?days=${days}`), tell, { signal, every: EVERY, failed, answered: () => (trouble.textContent = "") });

  function choose(chosen) {
    days = chosen;
    isAwaited = true;
    told.setAttribute("aria-busy", "true");
    go(days === USUAL ? "#/overview" : `#/overview?days=${days}`, { replace: true });
    look();
  }

  function tell(overview) {
    isAwaited = false;
    told.removeAttribute("aria-busy");
    told.hidden = overview.runs === 0;
    cut.textContent = overview.is_cut ? `There are too many to count: this is of the newest ${count(overview.runs, "run")}, and the older ones of these ${days} days are left out.` : "";
    instead.replaceChildren(...(overview.runs ? [] : [state("empty", `There were no runs in the last ${days} days.`, h("a", { href: "#/new" }, "Start one"))]));
    tellFigures(figures, overview, days);
    perDay.draw(daysOf(overview));
    perState.draw(statesOf(overview));
    times.draw(timesOf(overview));
  }

  function failed(error) {
    if (isAwaited) {
      told.hidden = true;
      cut.textContent = "";
      instead.replaceChildren(state("error", error.message, button("Try again", look)));
    } else if (!(error instanceof Unreachable)) {
      trouble.textContent = `This may be old: ${error.message}`;
    }
  }
}

function chooser(days, choose) {
  const option = (value) =>
    h(
      "label",
      {},
      h("input", { type: "radio", name: "days", value, "aria-label": `${value} days`, checked: value === days, on: { change: () => choose(value) } }),
      h("span", {}, value),
    );
  return h("fieldset.choices", {}, h("legend", {}, "Days"), ...DAYS.map(option));
}

function figure(name) {
  const [value, more] = [h("dd.value"), h("dd.quiet")];
  return { value, more, element: h("div.card", {}, h("dt", {}, name), value, more) };
}

function tellFigures(figures, overview, days) {
  const { ended, succeeded, runs, success_share: part, time_to_finish: time } = overview;
  figures.share.value.textContent = part === null ? "—" : share(part);
  figures.share.more.textContent = part === null ? "None has ended yet." : `${succeeded.toLocaleString("en")} of ${count(ended, "run")} that ended`;
  figures.runs.value.textContent = runs.toLocaleString("en");
  figures.runs.more.textContent = `in ${days} days, ${(runs - ended).toLocaleString("en")} still going`;
  figures.time.value.textContent = time.known ? duration(time.median) : "—";
  figures.time.more.textContent = time.known ? `half took less; nine of ten up to ${duration(time.most)}` : "Not known of any run.";
}

function daysOf({ days, runs }) {
  const columns = days.map(({ day, by_status: parts }) => ({ name: dayOf(day, { weekday: "short" }), short: dayOf(day), parts }));
  const amounts = columns.map(({ parts }) => Object.values(parts).reduce((sum, each) => sum + each, 0));
  const most = Math.max(...amounts);
  const words = `${count(runs, "run")} by the day they began, in UTC; the most on ${columns[amounts.indexOf(most)].short}: ${most.toLocaleString("en")}.`;
  return { words, columns };
}

function statesOf({ by_status: all, runs }) {
  const bars = ALL_STATES.filter((name) => all[name]).map((name) => ({ name, kind: name, value: all[name] }));
  const words = bars.map(({ name, value }) => `${name} ${value.toLocaleString("en")}`).join(", ");
  return { words: `Of ${count(runs, "run")}: ${words}.`, bars };
}

function timesOf({ time_to_finish: time, ended }) {
  const columns = [];
  const ends = Object.keys(time.buckets).map(Number);
  for (let end = Math.min(...ends); end <= Math.max(...ends); end *= 2) {
    const name = end === 1 ? "up to 1 s" : `${duration(end / 2)} to ${duration(end)}`;
    columns.push({ name, short: `≤ ${roughly(end)}`, parts: { time: time.buckets[end] ?? 0 } });
  }
  const words = time.known ? `Of ${time.known.toLocaleString("en")} of the ${count(ended, "run")} that ended: the bot saw their end.` : "The bot has seen none of them end.";
  return { words, columns };
}

function dayOf(day, more = {}) {
  return new Date(`${day}T00:00Z`).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC", ...more });
}

/** Where there is little room: "32 s", "4 min", "2.3 h". */
function roughly(seconds) {
  if (seconds < 60) return `${seconds} s`;
  return seconds < 5_400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3_600).toFixed(1)} h`;
}
