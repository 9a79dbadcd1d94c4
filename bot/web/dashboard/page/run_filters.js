// Which runs are to be shown, and in which order: as the address says it, as the form shows it, as the API is asked.

import { get, org } from "./api.js";
import { button, h } from "./dom.js";
import { ALL_STATES } from "./words.js";

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const REPOSITORY = /^[\w.-]+\/[\w.-]+$/;

const FITS = {
  q: () => true,
  status: (value) => ALL_STATES.includes(value),
  starred: (value) => value === "true" || value === "false",
  repo: (value) => REPOSITORY.test(value),
  created_after: (value) => DAY.test(value) && !Number.isNaN(Date.parse(value)),
  created_before: (value) => DAY.test(value) && !Number.isNaN(Date.parse(value)),
  sort: (value) => ["created_at", "status", "-status"].includes(value),
};

/** What an address asks for; what does not fit is passed over. */
export function filtersIn(query) {
  const given = Object.keys(FITS).map((name) => [name, (query.get(name) ?? "").trim().slice(0, 200)]);
  return Object.fromEntries(given.filter(([name, value]) => value !== "" && FITS[name](value)));
}

export function addressOf(filters) {
  const words = new URLSearchParams(filters).toString();
  return words ? `#/runs?${words}` : "#/runs";
}

/** The API's parameters. Days are those of the one who looks, the last one with all its hours. */
export function parametersOf({ created_after: after, created_before: before, ...others }) {
  return {
    ...others,
    ...(after ? { created_after: new Date(`${after}T00:00`).toISOString() } : {}),
    ...(before ? { created_before: new Date(`${before}T23:59:59.999`).toISOString() } : {}),
  };
}

/** How many of them leave something out. */
export function narrowing({ sort: _, ...others }) {
  return Object.keys(others).length;
}

const TYPING = 300;

/**
 * The form.
 * @param {object} filters as the address had them
 * @param {(filters: object) => void} changed is told them anew, when typing has paused
 */
export function filterForm(filters, changed, signal) {
  const search = h("input", { type: "search", id: "runs-q", maxlength: 200, placeholder: "Words, a person", autocomplete: "off" });
  const status = choice("runs-status", [["", "Any"], ...ALL_STATES.map((each) => [each, each])]);
  const starred = choice("runs-starred", [["", "All"], ["true", "Starred"], ["false", "Not starred"]]);
  const known = h("datalist", { id: "runs-repositories" });
  const repo = h("input", { id: "runs-repo", list: "runs-repositories", maxlength: 200, placeholder: "owner/name", autocomplete: "off", spellcheck: "false" });
  const after = h("input", { type: "date", id: "runs-after" });
  const before = h("input", { type: "date", id: "runs-before" });
  const sort = choice("runs-sort", [["", "Newest first"], ["created_at", "Oldest first"], ["status", "State, A to Z"], ["-status", "State, Z to A"]]);
  const fields = { q: search, status, starred, repo, created_after: after, created_before: before, sort };
  const clear = button("Clear", () => {
    fill({});
    told();
    search.focus();
  });
  const more = h(
    "div.more",
    { id: "runs-more" },
    field("State", status),
    field("Stars", starred),
    field("Repository", repo, known),
    field("From", after),
    field("Until", before),
    field("Order", sort),
    clear,
  );
  const unfold = button("Filters", () => open(!more.classList.contains("open")), { class: "unfold", "aria-controls": "runs-more" });
  const form = h("form.filters", { role: "search", "aria-label": "Runs", on: { submit } }, field("Search", search), unfold, more);

  let timer = null;
  form.addEventListener("input", ({ target }) => later(target === search || target === repo ? TYPING : 0));
  signal.addEventListener("abort", () => clearTimeout(timer));
  get(org("/repos"), { signal }).then(
    ({ items }) => known.replaceChildren(...items.map((each) => h("option", { value: each.full_name }))),
    () => {
      // The list only helps to type; without it the field is as good.
    },
  );
  fill(filters);
  open(narrowing(filters) > 0);
  return { form, clear: () => clear.click() };

  function fill(values) {
    for (const [name, input] of Object.entries(fields)) input.value = values[name] ?? "";
    mark();
  }

  function open(isOpen) {
    more.classList.toggle("open", isOpen);
    unfold.setAttribute("aria-expanded", String(isOpen));
  }

  function given() {
    return filtersIn(new Map(Object.entries(fields).map(([name, input]) => [name, input.value])));
  }

  function mark() {
    const count = narrowing(given());
    unfold.textContent = count ? `Filters (${count})` : "Filters";
    clear.disabled = count === 0 && !sort.value;
    const isHalf = repo.value.trim() !== "" && !REPOSITORY.test(repo.value.trim());
    if (isHalf) repo.setAttribute("aria-invalid", "true");
    else repo.removeAttribute("aria-invalid");
    repo.title = isHalf ? "A repository's whole name, as owner/name" : "";
  }

  function later(pause) {
    mark();
    clearTimeout(timer);
    timer = setTimeout(told, pause);
  }

  function told() {
    clearTimeout(timer);
    changed(given());
  }

  function submit(event) {
    event.preventDefault();
    told();
  }
}

function choice(id, options) {
  return h("select", { id }, ...options.map(([value, words]) => h("option", { value }, words)));
}

function field(words, input, ...more) {
  return h("div.field", {}, h("label", { for: input.id }, words), input, ...more);
}

