// The list's toolbar: one search box, presets, a menu for the other filters, and a chip for each filter that is set.

import { get, org } from "./api.js";
import { button, h, icon } from "./dom.js";
import { PERIODS, filtersIn, narrowing, typedFilters } from "./run_filters.js";
import { ME } from "./session.js";
import { ALL_STATES, day, stateWords } from "./words.js";

const TYPING = 300;
const CUSTOM = "custom";

/** The filters that one click sets: each its words and its values. */
const QUICK = [
  ["Mine", { author: ME }],
  ["Working", { status: "working" }],
  ["Failed", { status: "failed" }],
  ["Starred", { starred: "true" }],
];

/**
 * @param {object} filters from the URL
 * @param {(filters: object) => void} changed called with the new filters when typing has paused
 * @returns {{element: HTMLElement, clear: () => void}}
 */
export function filterBar(filters, changed, signal) {
  const search = h("input", { type: "search", id: "runs-q", "aria-label": "Search", maxlength: 200, placeholder: "Search, or author:alice repo:shop", autocomplete: "off", spellcheck: "false" });
  const period = choice("runs-period", [["", "Any time"], ...Object.entries(PERIODS), [CUSTOM, "Custom range"]], { "aria-label": "Time" });
  const sort = choice("runs-sort", [["", "Newest first"], ["created_at", "Oldest first"], ["status", "State, A to Z"], ["-status", "State, Z to A"]], { "aria-label": "Order" });
  const menu = filterMenu(signal);
  const fields = { q: search, sort, ...menu.fields };
  const opener = button([icon("filter"), "Filter"], () => menu.element.togglePopover(), { class: "open-filters", "aria-haspopup": "dialog", "aria-expanded": "false" });
  const quick = QUICK.map(([words, values]) => ({ values, element: button(words, () => toggle(values), { class: "quick" }) }));
  const chips = h("div.chips", { role: "group", "aria-label": "Filters" });
  const form = h(
    "form.filters",
    { role: "search", "aria-label": "Runs", on: { submit } },
    h("div.search-box", {}, icon("search"), search),
    h("div.presets", {}, opener, period, sort),
  );
  const element = h("div.filter-bar", {}, form, chips, menu.element);
  let timer = null;

  form.addEventListener("input", ({ target }) => (target === period ? choosePeriod() : later(target === search ? TYPING : 0)));
  menu.element.addEventListener("input", ({ target }) => later(target.list ? TYPING : 0));
  menu.element.addEventListener("toggle", ({ newState }) => opener.setAttribute("aria-expanded", String(newState === "open")));
  menu.element.addEventListener("beforetoggle", ({ newState }) => newState === "open" && menu.placeBelow(opener));
  signal.addEventListener("abort", () => clearTimeout(timer));
  fill(filters);
  return { element, clear };

  function fill(values) {
    for (const [name, input] of Object.entries(fields)) input.value = values[name] ?? "";
    period.value = values.since ?? (values.created_after || values.created_before ? CUSTOM : "");
    show();
  }

  function given() {
    const values = Object.entries(fields).map(([name, input]) => [name, input.value]);
    if (period.value !== CUSTOM) values.push(["since", period.value], ["created_after", ""], ["created_before", ""]);
    return filtersIn(new Map(values));
  }

  /** The chips, and which presets are set. Buttons that stay are not replaced, so that the focus stays. */
  function show() {
    const now = given();
    for (const { values, element: each } of quick) each.setAttribute("aria-pressed", String(isSet(now, values)));
    const others = chipsOf(now).map(([words, names]) => button([words, icon("cross")], () => drop(names), { class: "chip removable", "aria-label": `Remove the filter ${words}` }));
    const hadFocus = chips.contains(document.activeElement) && !quick.some(({ element: each }) => each === document.activeElement);
    const all = narrowing(now) > 0 && button("Clear all", clear, { class: "plain clear" });
    chips.replaceChildren(...quick.map(({ element: each }) => each), ...others, ...(all ? [all] : []));
    if (hadFocus) search.focus();
  }

  function toggle(values) {
    const names = Object.keys(values);
    const now = isSet(given(), values);
    const focused = document.activeElement;
    for (const name of names) fields[name].value = now ? "" : values[name];
    report();
    focused?.focus();
  }

  function drop(names) {
    for (const name of names) fields[name].value = "";
    if (names.includes("created_after")) period.value = "";
    report();
  }

  function clear() {
    fill({ sort: sort.value });
    report();
    search.focus();
  }

  function choosePeriod() {
    if (period.value === CUSTOM) {
      menu.element.showPopover();
      menu.fields.created_after.focus();
    }
    report();
  }

  function later(pause) {
    clearTimeout(timer);
    timer = setTimeout(report, pause);
  }

  function report() {
    clearTimeout(timer);
    const { words, filters: typed } = typedFilters(search.value);
    if (Object.keys(typed).length) {
      search.value = words.trim();
      for (const [name, value] of Object.entries(typed)) fields[name].value = value;
    }
    if (menu.fields.created_after.value || menu.fields.created_before.value) {
      if (period.value === "") period.value = CUSTOM;
    }
    show();
    changed(given());
  }

  function submit(event) {
    event.preventDefault();
    // A filter that was typed last is complete now.
    search.value += " ";
    report();
    search.value = search.value.trim();
  }
}

function isSet(filters, values) {
  return Object.entries(values).every(([name, value]) => filters[name] === value);
}

/** What is set and has no button of its own: the words, and the names of the filters. */
function chipsOf(filters) {
  const { status, author, repo, starred, created_after: after, created_before: before } = filters;
  const chips = [];
  if (status && !["working", "failed"].includes(status)) chips.push([`State: ${stateWords(status).toLowerCase()}`, ["status"]]);
  if (author && author !== ME) chips.push([`Author: ${author}`, ["author"]]);
  if (repo) chips.push([`Repository: ${repo}`, ["repo"]]);
  if (starred === "false") chips.push(["Not starred", ["starred"]]);
  if (after || before) chips.push([[after && `from ${day(after)}`, before && `until ${day(before)}`].filter(Boolean).join(" "), ["created_after", "created_before"]]);
  return chips;
}

/** The menu with all fields. */
function filterMenu(signal) {
  const repositories = h("datalist", { id: "runs-repositories" });
  const fields = {
    status: choice("runs-status", [["", "Any"], ...ALL_STATES.map((each) => [each, stateWords(each)])]),
    author: h("input", { id: "runs-author", maxlength: 100, placeholder: "A GitHub name, or @me", autocomplete: "off", spellcheck: "false" }),
    repo: h("input", { id: "runs-repo", list: "runs-repositories", maxlength: 200, placeholder: "A part of owner/name", autocomplete: "off", spellcheck: "false" }),
    starred: choice("runs-starred", [["", "All"], ["true", "Starred"], ["false", "Not starred"]]),
    created_after: h("input", { type: "date", id: "runs-after" }),
    created_before: h("input", { type: "date", id: "runs-before" }),
  };
  const element = h(
    "div.filter-menu",
    { popover: "auto", role: "dialog", "aria-label": "Filters" },
    field("State", fields.status),
    field("Author", fields.author),
    field("Repository", fields.repo, repositories),
    field("Stars", fields.starred),
    h("div.pair", {}, field("From", fields.created_after), field("Until", fields.created_before)),
    h("p.buttons", {}, button("Done", () => element.hidePopover(), { class: "primary" })),
  );
  element.addEventListener("beforetoggle", offerRepositories, { once: true });
  return { element, fields, placeBelow };

  /** Only when the menu is opened: the list itself should not wait for it. */
  async function offerRepositories() {
    try {
      const { items } = await get(org("/repos"), { signal });
      repositories.replaceChildren(...items.map((each) => h("option", { value: each.full_name })));
    } catch {
      // The list only completes what is typed.
    }
  }

  function placeBelow(opener) {
    const { left, bottom } = opener.getBoundingClientRect();
    element.style.top = `${bottom + scrollY + 6}px`;
    element.style.left = `${Math.max(8, Math.min(left, innerWidth - 328))}px`;
  }
}

function choice(id, options, attributes = {}) {
  return h("select", { id, ...attributes }, ...options.map(([value, words]) => h("option", { value }, words)));
}

function field(words, input, ...more) {
  return h("div.field", {}, h("label", { for: input.id }, words), input, ...more);
}
