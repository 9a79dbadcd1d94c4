"use strict";

// What the page is made of: comments, files, labels, avatars, times. `playground.js` says what is shown when.

const EMOJI = { "+1": "👍", "-1": "👎", laugh: "😄", confused: "😕", heart: "❤️", hooray: "🎉", rocket: "🚀", eyes: "👀" };

const byId = (id) => document.getElementById(id);

function element(name, attributes, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

/** The parts of a title, with what is between two single backticks as code: the only Markdown that GitHub renders there. */
function titleParts(title) {
  const parts = [];
  let end = 0;
  for (const found of title.matchAll(/(?<!`)`([^`]+)`(?!`)/g)) {
    parts.push(title.slice(end, found.index), element("code", { textContent: found[1] }));
    end = found.index + found[0].length;
  }
  return [...parts, title.slice(end)];
}

/** Makes the children of a list those of the items; elements whose item is unchanged stay, and so do focus and open folds. */
function keep(list, items, key, make) {
  const known = new Map([...list.children].map((child) => [child.dataset.key, child]));
  const focused = document.activeElement;
  const focusedKey = list.contains(focused) ? focused.closest("[data-key]")?.dataset.key : null;
  const wanted = items.map((item) => {
    const now = JSON.stringify(item);
    const old = known.get(String(key(item)));
    if (old && old.dataset.now === now) return old;
    const made = make(item);
    Object.assign(made.dataset, { key: key(item), now });
    return made;
  });
  const isSame = wanted.length === list.children.length && wanted.every((each, place) => each === list.children[place]);
  if (isSame) return;
  list.replaceChildren(...wanted);
  if (!focusedKey) return;
  const again = wanted.find((each) => each.dataset.key === focusedKey);
  (again?.matches("button, a") ? again : again?.querySelector("button, a"))?.focus({ preventScroll: true });
}

const HUES = [212, 262, 332, 22, 142, 182, 42];

/** A disc with the first letter of a name, in a colour of its own. */
function avatar(login) {
  const disc = element("span", { className: login.endsWith("[bot]") ? "avatar bot" : "avatar", textContent: login[0].toUpperCase() });
  disc.setAttribute("aria-hidden", "true");
  const hue = HUES[[...login].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % HUES.length];
  disc.style.setProperty("--hue", hue);
  return disc;
}

function time(at) {
  const shown = element("time", { dateTime: at, title: new Date(at).toLocaleString() });
  shown.textContent = ago(at);
  return shown;
}

function ago(at) {
  const minutes = Math.floor((Date.now() - Date.parse(at)) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return minutes === 1 ? "1 minute ago" : `${minutes} minutes ago`;
  const hours = Math.floor(minutes / 60);
  return hours === 1 ? "1 hour ago" : `${hours} hours ago`;
}

setInterval(() => {
  for (const shown of document.querySelectorAll("time")) shown.textContent = ago(shown.dateTime);
}, 20_000);

function commentItem(written) {
  const head = element("div", { className: "head" }, element("b", { textContent: written.author }), " ", time(written.at));
  if (written.on) head.append(" on ", element("code", { textContent: written.on }));
  if (written.edited) head.append(" · edited");
  const text = element("div", { className: "text", innerHTML: written.html });
  for (const link of text.querySelectorAll("a")) stayInDemo(link);
  for (const table of text.querySelectorAll("table")) nameCells(table);
  const box = element("div", { className: "box" }, head, text);
  if (written.reactions.length) {
    const shown = written.reactions.map((content) => element("span", { textContent: EMOJI[content] || content, title: content }));
    box.append(element("div", { className: "reactions" }, ...shown));
  }
  return element("li", { className: written.bot ? "bot" : "" }, avatar(written.author), box);
}

/** On a phone each cell is a line of its own, behind its column's name. */
function nameCells(table) {
  const names = [...table.querySelectorAll("th")].map((cell) => cell.textContent);
  for (const row of table.querySelectorAll("tbody tr")) {
    [...row.cells].forEach((cell, place) => { cell.dataset.name = names[place] || ""; });
  }
}

/** Keeps a link within the demo: the real github.com has none of these pull requests. */
function stayInDemo(link) {
  const [, number] = new RegExp(`/${state.repository}/(?:issues|pull)/(\\d+)`).exec(link.href) || [];
  if (number) {
    link.href = `#${number}`;
    return;
  }
  if (state.dashboard && link.href.startsWith(`${state.dashboard}/#/`)) link.href = signedIn(link.hash);
  Object.assign(link, { target: "_blank", rel: "noopener noreferrer" });
}

/** The address of a view of the dashboard that needs no token pasted. */
function signedIn(view) {
  return `${state.dashboard}/#/sign-in?${new URLSearchParams({ token: state.token, to: view })}`;
}

const KINDS = { "+": "ins", "-": "del", "@": "i" };

/** A file's changes; a line of the new text is a button that calls `choose` with its number. */
function changedFile(file, choose) {
  const name = file.previous_path ? `${file.previous_path} → ${file.path}` : file.path;
  const counts = element("small", { textContent: ` +${file.additions} −${file.deletions}` });
  let number = 0;
  const lines = (file.patch ? file.patch.split("\n") : []).map((line) => {
    const place = /^@@ -\S+ \+(\d+)/.exec(line);
    if (place) number = Number(place[1]);
    const kind = KINDS[line[0]];
    if (kind === "i" || kind === "del") return element(kind, { textContent: line });
    const at = number;
    number += 1;
    const button = element("button", { type: "button", textContent: line, title: `Comment on line ${at}`, onclick: () => choose(file.path, at) });
    return element(kind || "span", {}, button);
  });
  return [element("h4", {}, name, counts), element("pre", {}, ...lines)];
}

const GROUPS = [
  ["action", "Start something, once"],
  ["state", "On as long as they are set"],
  ["other", "Others"],
];

/** The labels by what they do, each as a button; `on` says which are set. */
function labelGroups(labels, on, toggle) {
  return GROUPS.map(([kind, title]) => {
    const buttons = labels.filter((label) => label.kind === kind).map((label) => labelButton(label, on.includes(label.name), toggle));
    const group = element("div", { className: "group" }, element("h4", { textContent: title }), element("div", { className: "buttons" }, ...buttons));
    return group;
  });
}

function labelButton(label, isOn, toggle) {
  const mark = element("span", { className: "mark", textContent: isOn ? "✓" : "+" });
  mark.setAttribute("aria-hidden", "true");
  const dot = element("span", { className: "dot" });
  dot.style.setProperty("background", `#${label.color}`);
  const button = element("button", { type: "button", className: "label", title: label.about, onclick: () => toggle(label.name, !isOn) }, mark, dot, label.name);
  button.setAttribute("aria-pressed", isOn);
  button.dataset.label = label.name;
  return button;
}
