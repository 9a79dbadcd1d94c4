// The filters and the order of the runs, as values: in the URL, in what is typed, and in the API's parameters.

import { ME, session } from "./session.js";
import { ALL_STATES } from "./words.js";

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const NAME = /^[\w./@[\]-]+$/;

/** Days back from today, today included. */
export const PERIODS = { 1: "Today", 7: "Last 7 days", 30: "Last 30 days", 90: "Last 90 days" };

const isDay = (value) => DAY.test(value) && !Number.isNaN(Date.parse(value));

const FITS = {
  q: () => true,
  status: (value) => ALL_STATES.includes(value),
  starred: (value) => value === "true" || value === "false",
  author: (value) => NAME.test(value),
  repo: (value) => NAME.test(value),
  since: (value) => value in PERIODS,
  created_after: isDay,
  created_before: isDay,
  sort: (value) => ["created_at", "status", "-status"].includes(value),
};

/** The filters in a URL or a form; invalid ones are ignored. */
export function filtersIn(query) {
  const given = Object.keys(FITS).map((name) => [name, (query.get(name) ?? "").trim().slice(0, 200)]);
  return Object.fromEntries(given.filter(([name, value]) => value !== "" && FITS[name](value)));
}

export function addressOf(filters) {
  const words = new URLSearchParams(filters).toString();
  return words ? `#/runs?${words}` : "#/runs";
}

/** The API's parameters. Days are in the browser's time zone; the last one is included. */
export function parametersOf({ created_after: after, created_before: before, since, author, ...others }) {
  const first = after ?? (since && daysAgo(since - 1));
  return {
    ...others,
    ...(author ? { author: author === ME ? session.login : author } : {}),
    ...(first ? { created_after: new Date(`${first}T00:00`).toISOString() } : {}),
    ...(before ? { created_before: new Date(`${before}T23:59:59.999`).toISOString() } : {}),
  };
}

function daysAgo(days) {
  const day = new Date();
  day.setDate(day.getDate() - days);
  return [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

/** The number of filters that are set. */
export function narrowing({ sort: _, ...others }) {
  return Object.keys(others).length;
}

const TYPED = /(?:^|\s)(author|repo|state|is):(\S+)(?=\s)/gi;

/**
 * Filters that are typed into the search box: "author:alice", "repo:shop", "state:failed", "is:starred". What follows the
 * word must have been typed to its end.
 * @returns {{words: string, filters: object}} the remaining words, and the filters
 */
export function typedFilters(text) {
  const filters = {};
  const words = text.replace(TYPED, (whole, name, value) => {
    const filter = typedFilter(name.toLowerCase(), value);
    if (!filter || !FITS[filter[0]](filter[1])) return whole;
    filters[filter[0]] = filter[1];
    return "";
  });
  return { words, filters };
}

function typedFilter(name, value) {
  if (name === "state") return ["status", value.toLowerCase()];
  if (name !== "is") return [name, value];
  if (value === "starred") return ["starred", "true"];
  if (value === "mine") return ["author", ME];
  return ["status", value.toLowerCase()];
}
