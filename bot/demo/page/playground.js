"use strict";

const EMOJI = { "+1": "👍", "-1": "👎", laugh: "😄", confused: "😕", heart: "❤️", hooray: "🎉", rocket: "🚀", eyes: "👀" };

const byId = (id) => document.getElementById(id);
let state = null;
let current = Number(location.hash.slice(1)) || 1;

function element(name, attributes, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

async function post(path, body) {
  byId("problem").textContent = "";
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) byId("problem").textContent = await answer.text();
    return answer.ok;
  } catch {
    byId("problem").textContent = "The demo has ended; start it again.";
    return false;
  }
}

function fill(select, values, text) {
  if (select.options.length !== values.length) {
    select.replaceChildren(...values.map((value) => element("option", { value, textContent: text(value) })));
  }
}

function comment(written) {
  const head = element("div", { className: "head" }, element("b", { textContent: written.author }), " wrote");
  if (written.edited) head.append(`, and edited it ${written.edited === 1 ? "once" : `${written.edited} times`}`);
  const said = element("div", { className: "said", innerHTML: written.html });
  const item = element("li", { className: written.bot ? "bot" : "" }, head, said);
  item.dataset.id = written.id;
  item.dataset.state = JSON.stringify(written);
  for (const link of said.querySelectorAll("a")) lead(link);
  if (written.reactions && written.reactions.length) {
    item.append(
      element("div", { className: "reactions" }, ...written.reactions.map((content) => element("span", {
        textContent: EMOJI[content] || content, title: content,
      }))),
    );
  }
  return item;
}

/** To what the emulated worlds hold: the real github.com and codegen.com know nothing of it. */
function lead(link) {
  const [, number] = new RegExp(`/${state.repository}/(?:issues|pull)/(\\d+)`).exec(link.href) || [];
  const [, run] = /^https:\/\/codegen\.com\/agent\/trace\/(\d+)$/.exec(link.href) || [];
  if (number) {
    link.href = `#${number}`;
    return;
  }
  if (run && state.dashboard) link.href = `${state.dashboard}/#/runs/${run}`;
  Object.assign(link, { target: "_blank", rel: "noopener noreferrer" });
}

function showConversation(thread) {
  const wanted = [{ id: 0, author: thread.author, html: thread.html, edited: 0, reactions: [] }, ...thread.comments];
  const list = byId("conversation");
  const known = new Map([...list.children].map((item) => [item.dataset.id, item]));
  // What has not changed stays as it is: a fold that somebody opened stays open.
  list.replaceChildren(...wanted.map((written) => {
    const old = known.get(String(written.id));
    return old && old.dataset.state === JSON.stringify(written) ? old : comment(written);
  }));
}

function show() {
  const thread = state.threads.find((each) => each.number === current) || state.threads[0];
  current = thread.number;
  byId("threads").replaceChildren(...state.threads.map((each) => {
    const tab = element("button", { textContent: `${each.kind} #${each.number}`, onclick: () => { location.hash = each.number; } });
    if (each === thread) tab.setAttribute("aria-current", "page");
    return tab;
  }));
  byId("title").replaceChildren(
    `${thread.title} `,
    element("small", { textContent: `${state.repository}#${thread.number}, ${thread.kind} by ${thread.author}` }),
  );
  byId("labels").replaceChildren(...state.labels.map((name) => {
    const on = thread.labels.includes(name);
    const button = element("button", {
      textContent: name,
      title: on ? "Take the label off" : "Put the label on",
      onclick: () => post("/labels", { login: byId("login").value, number: thread.number, name, on: !on }),
    });
    button.setAttribute("aria-pressed", on);
    return button;
  }));
  const roles = Object.fromEntries(state.people.map((person) => [person.login, person.role]));
  fill(byId("login"), Object.keys(roles), (login) => `${login} (${roles[login] === "none" ? "no role" : roles[login]})`);
  fill(byId("outcome"), state.outcomes, (outcome) => outcome);
  byId("dashboard").hidden = !state.dashboard;
  byId("dashboard").firstElementChild.href = `${state.dashboard}/`;
  byId("token").textContent = state.token;
  showConversation(thread);
}

byId("write").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = byId("body").value;
  if (!body.trim()) return;
  const outcome = byId("outcome").value;
  // Only a comment that starts an agent uses up what the next run is to end with.
  if (outcome !== "success" && /^\s{0,3}\/codegen\s+(run|resume|multi-run)\b/im.test(body)) {
    await post("/next-run", { outcome });
    byId("outcome").value = "success";
  }
  if (await post("/comments", { login: byId("login").value, number: current, body })) byId("body").value = "";
});

byId("body").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("write").requestSubmit();
});

for (const button of document.querySelectorAll(".example")) {
  button.addEventListener("click", () => {
    byId("body").value = button.textContent;
    byId("body").focus();
  });
}

// The thread is in the address: it can be gone back from, and a link in a comment leads to another one.
addEventListener("hashchange", () => {
  current = Number(location.hash.slice(1)) || 1;
  if (state) show();
  scrollTo(0, 0);
});

const stream = new EventSource("/state");
stream.onmessage = (event) => {
  state = JSON.parse(event.data);
  byId("problem").textContent = "";
  show();
};
stream.onerror = () => { byId("problem").textContent = "The connection to the demo is lost; trying again…"; };
