// What a run changed: the diffs of its pull requests, unified or side by side.

import { org, poll } from "../../api.js";
import { diffTable } from "../../diff.js";
import { h } from "../../dom.js";
import { inert } from "../../inert.js";
import { checksState, lineCounts, pullRequestLink, pullRequestState } from "../../pull_requests.js";
import { count } from "../../words.js";

const EVERY = 30_000;
/** Lines of files that are open from the start. */
const OPEN = 400;
const WIDE = "(min-width: 75rem)";

const WORDS = { added: "added", removed: "removed", renamed: "renamed", copied: "copied" };

/** @returns {{element: HTMLElement, update: (run: object) => void}} */
export function changes(run, signal) {
  const list = h("div.pull-requests");
  const [unified, split] = [choice("Unified", false), choice("Side by side", true)];
  const choices = h("fieldset.choices", {}, h("legend", {}, "How the changes are shown"), unified.element, split.element);
  const problem = h("p.problem", { role: "alert", hidden: true });
  const element = h("section.changes", { "aria-labelledby": "changes-title", hidden: true }, h("div.section-top", {}, h("h2", { id: "changes-title" }, "Changes"), choices), problem, list);
  const opened = new Map();
  const shown = new Map();
  let isSplit = matchMedia(WIDE).matches;
  let reload = null;
  let known = "";
  (isSplit ? split : unified).input.checked = true;
  return { element, update };

  function choice(words, value) {
    const input = h("input", { type: "radio", name: "diff", on: { change: () => show(value) } });
    return { input, element: h("label", {}, input, h("span", {}, words)) };
  }

  /** Reads the diffs once there is a pull request, and again when the run has moved on. */
  function update({ github_pull_requests: links, status }) {
    const urls = (links ?? []).map(({ url }) => url).filter(Boolean);
    if (!urls.length) return;
    const now = JSON.stringify([urls, status]);
    if (now === known) return;
    known = now;
    element.hidden = false;
    if (reload) reload();
    else reload = poll(() => org(`/agent/run/${run}/diff`), draw, { signal, every: EVERY, failed, answered: () => (problem.hidden = true) });
  }

  function failed(error) {
    problem.hidden = false;
    problem.textContent = `The changes could not be loaded: ${error.message}`;
  }

  function show(value) {
    isSplit = value;
    for (const each of shown.values()) each.redraw();
  }

  function draw({ pull_requests: pullRequests }) {
    for (const each of pullRequests) {
      const before = shown.get(each.url);
      const text = JSON.stringify(each);
      if (before?.text === text) continue;
      const made = { text, ...pullRequest(each) };
      if (before) before.element.replaceWith(made.element);
      else list.append(made.element);
      shown.set(each.url, made);
    }
    choices.hidden = !pullRequests.some(({ files }) => files.length);
  }

  function pullRequest(found) {
    if (found.problem) return { element: h("article", {}, h("p", {}, pullRequestLink(found)), h("p.quiet", {}, found.problem)), redraw() {} };
    let lines = 0;
    const files = found.files.map((file) => {
      const size = file.patch ? file.patch.split("\n").length : 0;
      lines += size;
      return fileOf(file, { key: `${found.url} ${file.path}`, isOpen: lines <= OPEN && size > 0 });
    });
    const element = h(
      "article",
      {},
      h("p.pull-request", {}, pullRequestState(found), pullRequestLink(found), checksState(found.checks), h("span.quiet.size", {}, `${count(found.changed_files, "file")} `, lineCounts(found))),
      files.map((file) => file.element),
      found.is_cut && h("p.quiet", {}, `The other ${(found.changed_files - found.files.length).toLocaleString("en")} files are on the pull request's page.`),
    );
    return { element, redraw: () => files.forEach((file) => file.redraw()) };
  }

  function fileOf(file, { key, isOpen }) {
    const content = h("div.file-content");
    const moved = file.previous_path && `${file.previous_path} → `;
    const element = h(
      "details.file",
      { open: opened.get(key) ?? isOpen, on: { toggle } },
      h("summary", {}, h("span.path", {}, inert(`${moved || ""}${file.path}`)), WORDS[file.status] && h("span.chip", {}, WORDS[file.status]), lineCounts(file)),
      content,
    );
    let drawn = null;
    if (element.open) build();
    return { element, redraw: () => element.open && build() };

    function toggle() {
      opened.set(key, element.open);
      if (element.open) build();
    }

    function build() {
      if (drawn === isSplit) return;
      drawn = isSplit;
      if (file.patch) content.replaceChildren(diffTable(file, { isSplit }));
      else content.replaceChildren(h("p.quiet", {}, file.is_cut ? "This file's changes are too many to be shown here." : file.status === "renamed" ? "Its text has not changed." : "It is empty, or not a text."));
    }
  }
}
