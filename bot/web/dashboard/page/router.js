// Which view is shown for which address behind the page's #. Each view is a module of `views/`, fetched when it is needed:
//
//   export function show(root, place, signal)
//
// fills `root`, and lets go of everything it began when `signal` says so. `place.parts` are the words of the address that
// its pattern leaves open, `place.query` is what follows its "?".

import { connection } from "./connection.js";
import { button, state } from "./dom.js";

const VIEWS = [
  [/^\/runs$/, "runs", "Runs"],
  [/^\/runs\/(\d+)$/, "run", "Run"],
  [/^\/multi-runs\/([\w.:-]+)$/, "multi_run", "Multi-run"],
  [/^\/overview$/, "overview", "Overview"],
  [/^\/new$/, "start", "New run"],
  [/^\/help$/, "help", "Help"],
];

const HOME = "#/runs";

/** The view for which the page was reloaded last. */
const RELOADED = "codegen-bot.reloaded";

let shown = new AbortController();

/** Shows what the address says, in place of what was there. */
export async function route() {
  shown.abort();
  const { signal } = (shown = new AbortController());
  const [path, words = ""] = (location.hash || HOME).slice(1).split("?");
  const [found, name, title] = VIEWS.map(([pattern, ...rest]) => [pattern.exec(path), ...rest]).find(([match]) => match) || [];
  const root = document.getElementById("main");
  mark(path);
  root.removeAttribute("aria-busy");
  if (!found) {
    document.title = "codegen-bot";
    root.replaceChildren(state("empty", "There is nothing at this address."));
    return;
  }
  document.title = `${[title, ...found.slice(1)].join(" ")} · codegen-bot`;
  const view = await fetched(name, root, signal);
  if (!view || signal.aborted) return;
  root.replaceChildren();
  // Otherwise it would begin as far down as one has been in what was there before.
  scrollTo(0, 0);
  // What had the focus may have gone with the last view: the keys go on from here, and not from the page's top.
  if (document.activeElement === document.body) root.focus({ preventScroll: true });
  view.show(root, { parts: found.slice(1), query: new URLSearchParams(words) }, signal);
}

/** The view's module; where the server does not answer, that is said, and what was wanted is shown when it does. */
async function fetched(name, root, signal) {
  try {
    const view = await import(`./views/${name}.js`);
    sessionStorage.removeItem(RELOADED);
    return view;
  } catch {
    if (signal.aborted) return null;
    if (sessionStorage.getItem(RELOADED) === name) {
      // The server answers, and it did not help: to try that for ever would help nobody.
      root.replaceChildren(state("error", "This page could not be fetched.", button("Reload", () => location.reload())));
      return null;
    }
    // A module that could not be fetched once is not asked for again, as long as the page lives.
    connection.addEventListener("again", () => reloadFor(name), { signal, once: true });
    root.replaceChildren(state("error", "This page could not be fetched: the server does not answer."));
    connection.lost();
    return null;
  }
}

function reloadFor(name) {
  sessionStorage.setItem(RELOADED, name);
  location.reload();
}

/** Goes on to another address; `replace`: without a step of its own in the browser's history, and nothing is shown anew. */
export function go(address, { replace = false } = {}) {
  if (replace) history.replaceState(null, "", address);
  else location.hash = address;
}

/** Ends what is shown: somebody has signed out. */
export function leave() {
  shown.abort();
}

function mark(path) {
  for (const link of document.querySelectorAll("#nav a")) {
    const here = path === link.hash.slice(1) || path.startsWith(`${link.hash.slice(1)}/`);
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}
