// A command and a setting, as the help shows them.

import { button, h } from "../../dom.js";
import { notice } from "../../notices.js";

export function commandCard({ name, summary, form, example, who, flags }) {
  return h(
    "li.card",
    {},
    h("h3", {}, name),
    h("p", {}, ...said(summary)),
    h("p.form", {}, h("code", {}, ...pieces(form))),
    flags.length > 0 && h("dl.flags", {}, ...flags.map((flag) => h("div", {}, h("dt", {}, ...flagName(flag)), h("dd", {}, ...said(flag.sentence))))),
    h("div.example", {}, h("pre", {}, example), copyButton(name, example)),
    h("p.hint", {}, `Who may: ${who}.`),
  );
}

/** A line breaks between a form's pieces, and not at their hyphens. */
function pieces(form) {
  return form.match(/\[[^\]]*\]\S*|\S+/g).flatMap((piece, index) => [index ? " " : "", h("span", {}, piece)]);
}

function flagName({ name, short, value }) {
  return [h("code", {}, `${name} ${value}`), short && ", ", short && h("code", {}, short)];
}

/** Our own sentences have code between backticks. */
function said(sentence) {
  return sentence.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));
}

function copyButton(name, example) {
  // The clipboard is there on https and on this machine only.
  if (!navigator.clipboard) return null;
  return button("Copy", copy, { "aria-label": `Copy the example of ${name}` });

  async function copy() {
    try {
      await navigator.clipboard.writeText(example);
      notice("Copied.");
    } catch {
      notice("The browser does not let it be copied.", "error");
    }
  }
}

export function settingRow({ name, value, is_usual: isUsual }) {
  return h(
    "tr",
    { class: isUsual ? null : "own" },
    h("th", { scope: "row" }, h("code", {}, name), !isUsual && h("strong", {}, "set here")),
    h("td", {}, ...valueOf(value)),
  );
}

function valueOf(value) {
  if (value === null) return [h("span.quiet", {}, "not set")];
  if (Array.isArray(value)) return value.length ? value.map((each) => h("div", {}, h("code", {}, String(each)))) : [h("span.quiet", {}, "none")];
  if (typeof value !== "object") return [h("code", {}, String(value))];
  return Object.entries(value)
    .filter(([, each]) => each !== null && each !== "")
    .map(([key, each]) => h("div", {}, h("span.quiet", {}, `${key}: `), String(each)));
}
