// The overview's headline numbers, each with its trend against the same number of days before.

import { h, icon } from "../../dom.js";
import { sparkline } from "../../plots.js";
import { compact, cost, count, duration, share } from "../../words.js";

/** @returns {{element: HTMLElement, update: (overview: object, days: string) => void}} */
export function headline() {
  const shown = { share: figure("Success rate"), runs: figure("Runs"), time: figure("Median time"), cost: figure("Cost") };
  const element = h("dl.figures", {}, ...Object.values(shown).map((each) => each.element));
  return { element, update };

  function update(overview, days) {
    const { ended, succeeded, runs, success_share: part, time_to_finish: time, used, previous } = overview;
    const before = previous?.runs ? previous : null;
    const than = `than in the ${days === "1" ? "day" : `${days} days`} before`;
    shown.share.update({
      value: part === null ? "—" : share(part),
      more: part === null ? "None has ended yet." : `${succeeded.toLocaleString("en")} of ${count(ended, "run")} that ended`,
      trend: part !== null && before?.success_share != null && trend(Math.round(100 * part) - Math.round(100 * before.success_share), "up", (points) => `${points} points`, than),
      line: sparkline(overview.days.map(({ by_status: all }) => shareOf(all))),
    });
    shown.runs.update({
      value: runs.toLocaleString("en"),
      more: `in ${days} days, ${(runs - ended).toLocaleString("en")} not finished`,
      trend: before && trend(Math.round((100 * (runs - before.runs)) / before.runs), "", inPercent, than),
      line: sparkline(overview.days.map(({ by_status: all }) => sum(all))),
    });
    shown.time.update({
      value: time.known ? duration(time.median) : "—",
      more: time.known ? `90% took up to ${duration(time.p90)}` : "Not known for any run.",
      trend: time.known && before?.median != null && trend(Math.round((100 * (time.median - before.median)) / Math.max(1, before.median)), "down", inPercent, than),
    });
    shown.cost.element.hidden = !used;
    if (used) {
      shown.cost.update({
        value: cost(used) || "—",
        more: `${used.tokens === null ? "" : `${compact(used.tokens)} tokens, `}${count(used.known, "run")}`,
        trend: used.cost !== null && before?.cost > 0 && trend(Math.round((100 * (used.cost - before.cost)) / before.cost), "", inPercent, than),
      });
    }
  }
}

function figure(name) {
  const [value, direction, line, more] = [h("span.value"), h("span.trend"), h("span.line"), h("dd.quiet")];
  const element = h("div.card", {}, h("dt", {}, name), h("dd.main", {}, value, direction, line), more);
  function update(now) {
    value.textContent = now.value;
    more.textContent = now.more;
    direction.className = `trend ${now.trend?.kind ?? ""}`;
    direction.title = now.trend?.title ?? "";
    direction.replaceChildren(...(now.trend?.parts ?? []));
    line.replaceChildren(...(now.line ? [now.line] : []));
  }
  return { element, update };
}

/** @param {"up"|"down"|""} good the direction that is good, if one is */
function trend(change, good, format, than) {
  if (!change) return { kind: "", title: "", parts: ["no change"] };
  const direction = change > 0 ? "up" : "down";
  const words = format(Math.abs(change));
  return {
    kind: good && (direction === good ? "good" : "bad"),
    title: `${words} ${direction === "up" ? "more" : "less"} ${than}`,
    parts: [icon(direction), h("span.unseen", {}, direction === "up" ? "up " : "down "), words, h("span.unseen", {}, ` ${direction === "up" ? "more" : "less"} ${than}`)],
  };
}

/** "47%"; "9×" for much more. */
function inPercent(percent) {
  return percent < 300 ? `${percent}%` : `${Math.round(percent / 100) + 1}×`;
}

const UNFINISHED = ["queued", "working", "paused"];

function sum(all) {
  return Object.values(all).reduce((total, each) => total + each, 0);
}

function shareOf(all) {
  const ended = sum(Object.fromEntries(Object.entries(all).filter(([state]) => !UNFINISHED.includes(state))));
  return ended ? (all.succeeded ?? 0) / ended : null;
}
