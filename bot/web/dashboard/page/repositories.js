// The organization's repositories, for forms and filters.

import { get, org, query } from "./api.js";
import { h } from "./dom.js";

const PAGE = 100;

/** The maximum length of a list to choose from. */
const MOST = 1_000;

/** @returns {Promise<{id: number, full_name: string}[]>} by name */
export async function repositories(signal) {
  const found = [];
  let total = 1;
  while (found.length < Math.min(total, MOST)) {
    const page = await get(query(org("/repos"), { skip: found.length, limit: PAGE }), { signal });
    if (!page.items.length) break;
    found.push(...page.items);
    total = page.total;
  }
  return found.sort((one, other) => one.full_name.localeCompare(other.full_name));
}

/** Fills a select, keeping its first option and, if possible, its selection. */
export function offer(select, all, { valueOf, chosen }) {
  select.replaceChildren(select.options[0], ...all.map((each) => h("option", { value: valueOf(each) }, each.full_name)));
  select.value = [...select.options].some((each) => each.value === chosen) ? chosen : "";
}
