"use strict";

const EXAMPLES = [
  "/codegen help",
  "/codegen run fix the rounding",
  "/codegen status",
  "/codegen resume also add a test",
  "/codegen multi-run -n 3 make the total exact, with a test",
  "/codegen review",
  "/codegen analyze-logs",
  "/codegen setup-commands",
  "/codegen logs",
  "/codegen star",
  "/codegen whoami",
];

const CONFIG = `# Who may do what, and how much: docs/config.md
prefix: /codegen
permissions:
  run: maintain
budgets:
  runs-per-person-a-day: 5
prompts:
  explain:
    description: Explains the changes, above all the rounding
    command: run
    prompt: Explain this change to a newcomer, and change nothing.
`;

/** What a label that starts nothing does here, for those who do not see it happen. */
const LABEL_NEWS = {
  "codegen:starred": ["The latest run of this thread is starred: see the dashboard.", "The star is removed."],
  "codegen:ban-checks": ["Codegen leaves the checks here alone.", "Codegen reacts to the checks here again."],
};

let state = null;
let current = Number(location.hash.slice(1)) || null;
let place = null;

async function post(path, body, problem = "problem") {
  byId(problem).textContent = "";
  try {
    const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    if (!answer.ok) byId(problem).textContent = await answer.text();
    return answer.ok;
  } catch {
    byId(problem).textContent = "The demo has ended; start it again.";
    return false;
  }
}

function fill(select, values, text) {
  if (select.options.length === values.length) return;
  select.replaceChildren(...values.map((value) => element("option", { value, textContent: text(value) })));
}

/** The thread with the latest comment, until the reader has chosen one. */
function liveliest() {
  const last = (thread) => Math.max(0, ...thread.comments.map((comment) => comment.id));
  return state.threads.reduce((best, thread) => (last(thread) > last(best) ? thread : best), state.threads[0]);
}

function threadItem(thread) {
  const button = element("button", { type: "button", onclick: () => { location.hash = thread.number; closeList(); } },
    element("span", { className: `glyph ${thread.glyph}` }),
    element("span", { className: "name" }, ...titleParts(thread.title)),
    element("small", { textContent: `${thread.kind} #${thread.number}${thread.count ? `, ${thread.count === 1 ? "1 comment" : `${thread.count} comments`}` : ""}` }),
  );
  if (thread.isCurrent) button.setAttribute("aria-current", "page");
  return element("li", {}, button);
}

const isNarrow = matchMedia("(max-width: 60rem)");

function closeList() {
  if (isNarrow.matches) byId("places").open = false;
}

function showThreads(thread) {
  const items = [...state.threads].reverse().map((each) => ({
    number: each.number,
    title: each.title,
    kind: each.kind,
    glyph: each.state === "closed" ? "closed" : each.kind === "issue" ? "issue" : "pull",
    count: each.comments.length,
    isCurrent: each === thread,
  }));
  keep(byId("threads"), items, (each) => each.number, threadItem);
  byId("count").textContent = `(${items.length})`;
}

function showTitle(thread) {
  byId("title").replaceChildren(...titleParts(thread.title), " ", element("small", { textContent: `#${thread.number}` }));
  byId("about").replaceChildren(avatar(thread.author), `${thread.kind} in ${state.repository} by ${thread.author}, `, time(thread.at));
}

let shownLabels = "";

function showLabels(thread) {
  const now = JSON.stringify([thread.number, state.labels, thread.labels]);
  if (now === shownLabels) return;
  shownLabels = now;
  const focused = document.activeElement?.dataset?.label;
  byId("labels").replaceChildren(...labelGroups(state.labels, thread.labels, (name, on) => toggle(thread, name, on)));
  if (focused) byId("labels").querySelector(`[data-label="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

async function toggle(thread, name, on) {
  const isDone = await post("/labels", { login: byId("login").value, number: thread.number, name, on });
  if (!isDone || !LABEL_NEWS[name]) return;
  const isIssue = thread.kind === "issue" && name === "codegen:ban-checks";
  byId("problem").textContent = isIssue ? "An issue has no checks: this label does nothing here." : LABEL_NEWS[name][on ? 0 : 1];
}

function showChecks(thread) {
  byId("checks").hidden = thread.kind === "issue";
  const items = thread.checks.map((check) => {
    const hasFailed = check.conclusion !== "success";
    return element("li", { className: hasFailed ? "failed" : "passed", textContent: `${check.name}: ${hasFailed ? "failed" : "passed"}` });
  });
  byId("checks").querySelector("ul").replaceChildren(...(items.length ? items : [element("li", { textContent: "None has run." })]));
}

let shownChanges = "";

/** Asks for the changes of a pull request where its head has moved since. */
async function showChanges(thread) {
  const wanted = thread.head ? `${thread.number} ${thread.head}` : "";
  if (wanted === shownChanges) return;
  shownChanges = wanted;
  byId("changes").hidden = true;
  if (!wanted) return;
  const answer = await fetch(`/threads/${thread.number}/files`).catch(() => null);
  const files = answer && answer.ok ? await answer.json() : null;
  if (!files || wanted !== shownChanges) return;
  byId("changes").hidden = false;
  byId("changes").firstElementChild.textContent = files.length === 1 ? "1 changed file" : `${files.length || "No"} changed files`;
  byId("files").replaceChildren(...files.flatMap((file) => changedFile(file, choosePlace)));
}

function choosePlace(path, line) {
  place = path ? { path, line } : null;
  byId("place").hidden = !place;
  if (place) byId("place").querySelector("code").textContent = `${path}, line ${line}`;
  byId("body").focus();
}

function showConversation(thread) {
  const first = { id: `thread-${thread.number}`, author: thread.author, at: thread.at, html: thread.html, edited: 0, reactions: [] };
  const wanted = [...(thread.html ? [first] : []), ...thread.comments];
  const isAtEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 40;
  const before = byId("conversation").childElementCount;
  // Unchanged comments keep their element, so that an open fold stays open.
  keep(byId("conversation"), wanted, (each) => each.id, commentItem);
  if (isAtEnd && before && byId("conversation").childElementCount !== before) scrollTo(0, document.documentElement.scrollHeight);
}

function show() {
  const thread = state.threads.find((each) => each.number === current) || liveliest();
  showThreads(thread);
  showTitle(thread);
  showLabels(thread);
  showChecks(thread);
  showConversation(thread);
  showChanges(thread);
  const roles = Object.fromEntries(state.people.map((person) => [person.login, person.role]));
  fill(byId("login"), Object.keys(roles), (login) => `${login} (${roles[login] === "none" ? "no role" : roles[login]})`);
  byId("dashboard").hidden = !state.dashboard;
  byId("dashboard").firstElementChild.href = signedIn("#/runs");
  return thread;
}

const shownThread = () => state.threads.find((each) => each.number === current) || liveliest();

byId("write").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = byId("body").value;
  if (!body.trim() || !state) return;
  current = shownThread().number;
  if (await post("/comments", { login: byId("login").value, number: current, body, ...place })) {
    byId("body").value = "";
    choosePlace(null);
    scrollTo(0, document.documentElement.scrollHeight);
  }
});

byId("body").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("write").requestSubmit();
});

byId("no-place").addEventListener("click", () => choosePlace(null));

byId("examples").append(...EXAMPLES.map((text) => element("option", { value: text, textContent: text })));
byId("examples").addEventListener("change", () => {
  if (!byId("examples").value) return;
  byId("body").value = byId("examples").value;
  byId("examples").value = "";
  byId("body").focus();
});

for (const [id, fails] of [["fail", true], ["pass", false]]) {
  byId(id).addEventListener("click", () => post("/checks", { login: byId("login").value, number: shownThread().number, fails }));
}

byId("open-config").addEventListener("click", async () => {
  const answer = await fetch("/config").catch(() => null);
  if (!answer || !answer.ok) return;
  const file = await answer.json();
  byId("config-title").firstElementChild.textContent = file.path;
  byId("config-text").value = file.text;
  byId("config-problem").textContent = "";
  byId("config").showModal();
});
byId("config-example").addEventListener("click", () => {
  byId("config-text").value = CONFIG;
  byId("config-text").focus();
});
byId("config-save").addEventListener("click", async () => {
  const login = state.people.find((person) => person.role === "admin").login;
  if (await post("/config", { login, text: byId("config-text").value }, "config-problem")) byId("config").close();
});

// The URL names the thread, so that the browser's history and links in comments work.
addEventListener("hashchange", () => {
  current = Number(location.hash.slice(1)) || null;
  choosePlace(null);
  if (state) show();
  scrollTo(0, 0);
});

// On a phone the list starts closed: the conversation is what one comes for.
for (const box of document.querySelectorAll("#places, aside details")) box.open = !isNarrow.matches;

const stream = new EventSource("/state");
stream.onmessage = (event) => {
  state = JSON.parse(event.data);
  if (byId("problem").textContent.startsWith("The connection")) byId("problem").textContent = "";
  show();
};
stream.onerror = () => { byId("problem").textContent = "The connection to the demo is lost; trying again…"; };
