// Maps the URL's fragment to a view. Each view is a module of `views/`, loaded when it is needed:
//
//   export function show(root, place, signal)
//
// fills `root` and stops everything when `signal` aborts. `place.parts` are the groups of the URL's pattern, `place.query`
// the parameters after its "?".

import { connection } from "./connection.js";
import { button, state } from "./dom.js";
import { clearNotice, notice } from "./notices.js";

const VIEWS = [
  [/^\/runs$/, "runs", "Runs"],
  [/^\/runs\/(\d+)$/, "run", "Run"],
  [/^\/multi-runs\/([\w.:-]+)$/, "multi_run", "Multi-run"],
  [/^\/overview$/, "overview", "Overview"],
  [/^\/new$/, "start", "New run"],
  [/^\/help$/, "help", "Help"],
];

const HOME = "#/runs";

/** The key of the view for which the page was last reloaded. */
const RELOADED = "codegen-bot.reloaded";

let shown = new AbortController();
/** A sentence for the page that is opened next. */
let announced = "";

/** Shows the view of the current URL. */
export async function route() {
  shown.abort();
  const { signal } = (shown = new AbortController());
  const [path, words = ""] = (location.hash || HOME).slice(1).split("?");
  const [found, name, title] = VIEWS.map(([pattern, ...rest]) => [pattern.exec(path), ...rest]).find(([match]) => match) || [];
  const root = document.getElementById("main");
  mark(path);
  connection.leave();
  clearNotice();
  if (announced) notice(announced);
  announced = "";
  root.removeAttribute("aria-busy");
  if (!found) {
    document.title = "codegen-bot";
    root.replaceChildren(state("empty", "Page not found."));
    return;
  }
  document.title = `${[title, ...found.slice(1)].join(" ")} · codegen-bot`;
  const view = await fetched(name, root, signal);
  if (!view || signal.aborted) return;
  root.replaceChildren();
  // The previous view's scroll position does not apply.
  scrollTo(0, 0);
  // The focused element may have gone with the previous view.
  if (document.activeElement === document.body) root.focus({ preventScroll: true });
  view.show(root, { parts: found.slice(1), query: new URLSearchParams(words) }, signal);
}

/** Starts to load what the current URL's view needs. */
export function prefetch() {
  const [path] = (location.hash || HOME).slice(1).split("?");
  const found = VIEWS.find(([pattern]) => pattern.test(path));
  if (found) import(`./views/${found[1]}.js`).catch(() => {});
}

/** The view's module; if the server is unreachable, shows that, and the view once it is reachable again. */
async function fetched(name, root, signal) {
  try {
    const view = await import(`./views/${name}.js`);
    sessionStorage.removeItem(RELOADED);
    return view;
  } catch {
    if (signal.aborted) return null;
    if (sessionStorage.getItem(RELOADED) === name) {
      // Reloading once did not help.
      root.replaceChildren(state("error", "This page could not be loaded.", button("Reload", () => location.reload())));
      return null;
    }
    // A browser does not retry a failed module until the page is reloaded.
    connection.addEventListener("again", () => reloadFor(name), { signal, once: true });
    root.replaceChildren(state("error", "This page could not be loaded: the server is not responding."));
    connection.lost();
    return null;
  }
}

function reloadFor(name) {
  sessionStorage.setItem(RELOADED, name);
  location.reload();
}

/**
 * Navigates.
 * @param {{replace?: boolean, saying?: string}} options `replace`: replaces the history entry without showing the view
 *   again; `saying`: a notice for the new page
 */
export function go(address, { replace = false, saying = "" } = {}) {
  announced = saying;
  if (replace) history.replaceState(null, "", address);
  else location.hash = address;
}

/** Stops the current view, at sign-out. */
export function leave() {
  shown.abort();
}

function mark(path) {
  for (const link of document.querySelectorAll("#nav a")) {
    const [page] = path.replace(/^\/multi-runs/, "/runs").match(/^\/[\w-]+/) ?? [];
    const here = page === link.hash.slice(1);
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}
