// Starting something: a run, a multi-run, an analysis of logs, set-up commands.

import { post, Refused } from "../api.js";
import { button, h } from "../dom.js";
import { confirm, notice } from "../notices.js";
import { offer, repositories } from "../repositories.js";
import { go } from "../router.js";
import { draft } from "./start/draft.js";
import { made } from "./start/fields.js";
import { FORMS } from "./start/forms.js";

export function show(root, place, signal) {
  const below = h("div", {});
  const asked = place.query.get("kind") || draft.kind;
  const chosen = FORMS[asked] ? asked : "run";
  const kinds = h(
    "fieldset.kinds",
    {},
    h("legend", {}, "What to start"),
    ...Object.entries(FORMS).map(([kind, { label }]) =>
      h("label", {}, h("input", { type: "radio", name: "kind", value: kind, checked: kind === chosen, on: { change: () => choose(kind) } }), label),
    ),
  );
  const known = repositories(signal);
  // Whoever needs them says so where they are not known; a form without a repository does not care.
  known.catch(() => {});
  root.replaceChildren(h("h1", {}, "New run"), kinds, below);
  choose(chosen);

  function choose(kind) {
    draft.kind = kind;
    go(`#/new?kind=${kind}`, { replace: true });
    below.replaceChildren(formOf(kind, known, signal));
  }
}

function formOf(kind, known, signal) {
  const { about, verb, fields, foresees } = FORMS[kind];
  const all = fields.map(made);
  const folded = all.filter(({ field }) => field.more);
  const more = folded.length > 0 && h("details.more", { open: folded.some(({ control }) => control.value) }, h("summary", {}, "More options"), ...folded.map(({ element }) => element));
  const problem = h("p.problem", { role: "alert" });
  const foreseen = foresees && h("output.quiet", { "aria-live": "polite" });
  const send = h("button.primary", { type: "submit" }, verb);
  const progress = h("span.quiet", { role: "status" });
  const form = h(
    "form.start",
    { novalidate: true, "aria-label": FORMS[kind].label, on: { submit, input, keydown } },
    h("p.quiet", {}, about, " In a comment: ", h("code", {}, `/codegen ${kind}`)),
    ...all.filter(({ field }) => !field.more).map(({ element }) => element),
    more,
    foreseen,
    problem,
    h("p.buttons", {}, send, progress),
  );
  let isSending = false;
  for (const each of all) if (each.field.control === "repository") fill(each, known, signal);
  input();
  return form;

  function input() {
    const sentence = foresees?.(typed());
    // What is written again is read out again.
    if (foreseen && foreseen.textContent !== sentence) foreseen.textContent = sentence;
  }

  function typed() {
    return Object.fromEntries(all.filter(({ control }) => control.value.trim() !== "").map(({ field, control }) => [field.name, control.value]));
  }

  function keydown(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  }

  async function submit(event) {
    event.preventDefault();
    if (isSending) return;
    isSending = true;
    // A button that cannot be pressed any more would lose the focus.
    send.setAttribute("aria-disabled", "true");
    problem.textContent = "";
    for (const each of all) each.mark("");
    try {
      if (!(await isMeant())) return;
      progress.textContent = "Sending …";
      const { sentence, address } = FORMS[kind].told(await sent());
      notice(sentence);
      if (!signal.aborted) go(address);
    } catch (error) {
      if (signal.aborted) notice(error.message, "error");
      else refused(error);
    } finally {
      isSending = false;
      send.removeAttribute("aria-disabled");
      progress.textContent = "";
    }
  }

  async function isMeant() {
    if (!FORMS[kind].asksAbove?.(typed())) return true;
    return Boolean(await confirm(foresees(typed()), "Start them"));
  }

  async function sent() {
    const body = { ...FORMS[kind].fixed?.() };
    for (const { field, value } of all) {
      const given = await value();
      // An empty prompt is one that does not fit; everything else that is empty was not given.
      if (given !== undefined) body[field.name] = given;
      else if (field.name === "prompt" && kind !== "setup-commands") body.prompt = "";
    }
    const path = FORMS[kind].path();
    const { images = [], ...words } = body;
    const key = draft.keyOf(JSON.stringify([path, words, images.map(({ length }) => length)]));
    const answer = await post(path, body, { key });
    draft.done(all.map(({ field }) => field.keep || field.name));
    return answer;
  }

  function refused(error) {
    const fits = new Map(all.map((each) => [each.field.name, each]));
    const wrong = (error instanceof Refused ? error.fields : []).map(({ field, message }) => ({ of: fits.get(field.split(".")[0]), message }));
    for (const { of, message } of wrong) of?.mark(message);
    const first = all.find((each) => wrong.some(({ of }) => of === each));
    problem.textContent = first && wrong.every(({ of }) => of) ? "Invalid input: see the marked fields." : error.message;
    if (!first) return;
    if (first.field.more) more.open = true;
    first.control.focus();
  }
}

/** The repositories come when they are known; without them the form works as well. */
async function fill({ control, field, mark }, known, signal) {
  const chosen = control.value || draft.value(field.keep || field.name);
  try {
    offer(control, await known, { valueOf: (each) => String(each.id), chosen });
  } catch (error) {
    if (signal.aborted) return;
    mark(`The repositories are not known: ${error.message} `);
    const again = button("Try again", () => {
      control.focus();
      again.remove();
      mark("");
      fill({ control, field, mark }, repositories(signal), signal);
    });
    control.after(again);
  }
}
