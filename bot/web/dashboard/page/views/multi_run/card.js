// An attempt, or the synthesis, at a glance: made once, then kept up to date in place.

import { badge } from "../../badge.js";
import { h, outside } from "../../dom.js";
import { starButton } from "../../stars.js";
import { firstLine, lasted } from "../../words.js";

/**
 * @param {string} name "Attempt 1"
 * @returns {{element: Element, update: (run: object | null, problem?: string) => void, tick: () => void}}
 */
export function card(tag, name, signal) {
  const parts = Object.fromEntries(["state", "time", "links", "star"].map((part) => [part, h("span", {})]));
  const words = h("p.words", {});
  const element = h(`${tag}.card`, {}, h("div.head", {}, h("h3", {}, name), parts.state, parts.star), h("p.facts", {}, parts.links, parts.time), words);
  let shown = "";
  let run = null;

  function update(now, problem = "") {
    const told = JSON.stringify([now, problem]);
    if (told === shown) return;
    if (now && run?.id !== now.id) parts.star.replaceChildren(starButton(now.id, signal));
    if (now?.status !== run?.status || !shown) parts.state.replaceChildren(now ? badge(now.status) : h("span.badge.queued", {}, problem ? "not started" : "not begun"));
    shown = told;
    run = now;
    keep(parts.links, linksOf(now));
    words.textContent = problem || firstLine(now?.summary) || firstLine(now?.result);
    words.classList.toggle("problem", problem !== "");
    tick();
  }

  function tick() {
    parts.time.textContent = run ? lasted(run) : "";
  }

  return { element, update, tick };
}

/** A run's own page first, then its pull requests. */
function linksOf(run) {
  if (!run) return [];
  const pulls = run.github_pull_requests.filter(({ url }) => url).map((each) => outside(each.url, pullName(each)));
  return [h("a", { href: `#/runs/${run.id}` }, `Run ${run.id}`), ...pulls];
}

function pullName({ url, title }) {
  const found = /\/([^/]+\/[^/]+)\/pull\/(\d+)/.exec(url);
  return found ? `${found[1]}#${found[2]}` : title || url;
}

/** Links that are there already stay: one of them may have the focus. */
function keep(place, links) {
  const there = [...place.children];
  const isSame = (one, other) => one.href === other.href && one.textContent === other.textContent;
  if (there.length === links.length && there.every((each, index) => isSame(each, links[index]))) return;
  const kept = links.map((link) => there.find((each) => isSame(each, link)) ?? link);
  for (const each of there) if (!kept.includes(each)) each.remove();
  for (const each of kept) if (!each.isConnected || each.parentElement !== place) place.append(each);
}
