// The forms that start a run, a multi-run, a log analysis or set-up commands.

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
  const kinds = h("fieldset.kinds", {}, h("legend.unseen", {}, "What to start"), ...Object.entries(FORMS).map(([kind, form]) => option(kind, form)));
  const known = repositories(signal);
  // A failure is shown by the forms that need them.
  known.catch(() => {});
  root.replaceChildren(h("div.new-run", {}, h("h1", {}, "New run"), kinds, below));
  choose(chosen);

  function option(kind, { label, about }) {
    const id = `kind-${kind}`;
    const radio = h("input", { type: "radio", id, name: "kind", value: kind, checked: kind === chosen, "aria-describedby": `${id}-about`, on: { change: () => choose(kind) } });
    return h("div.kind", {}, radio, h("label", { for: id }, label), h("p.hint", { id: `${id}-about` }, about));
  }

  function choose(kind) {
    draft.kind = kind;
    go(`#/new?kind=${kind}`, { replace: true });
    below.replaceChildren(formOf(kind, known, signal));
  }
}

function formOf(kind, known, signal) {
  const { verb, fields, foresees } = FORMS[kind];
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
    ...all.filter(({ field }) => !field.more).map(({ element }) => element),
    more,
    foreseen,
    problem,
    h("div.buttons", {}, send, progress, h("span.hint.in-comment", {}, "In a comment: ", h("code", {}, `/codegen ${kind}`))),
  );
  let isSending = false;
  for (const each of all) if (each.field.control === "repository") fill(each, known, signal);
  input();
  return form;

  function input() {
    const sentence = foresees?.(typed());
    // Setting the same text would announce it again.
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
    // Not `disabled`: a disabled button would lose the focus.
    send.setAttribute("aria-disabled", "true");
    problem.textContent = "";
    for (const each of all) each.mark("");
    try {
      if (isRefusedHere()) return;
      if (!(await isConfirmed())) return;
      progress.textContent = "Sending …";
      const { sentence, address } = FORMS[kind].started(await sent());
      if (signal.aborted) notice(sentence);
      else go(address, { saying: sentence });
    } catch (error) {
      if (signal.aborted) notice(error.message, "error");
      else refused(error);
    } finally {
      isSending = false;
      send.removeAttribute("aria-disabled");
      progress.textContent = "";
    }
  }

  /** What needs no server to be known as wrong. */
  function isRefusedHere() {
    const wrong = all.map((each) => ({ of: each, message: each.check() })).filter(({ message }) => message);
    const missing = FORMS[kind].missing?.(typed());
    if (missing) wrong.push({ of: all.find(({ field }) => field.name === missing.field), message: missing.message });
    return wrong.length > 0 && show(wrong);
  }

  async function isConfirmed() {
    if (!FORMS[kind].asksAbove?.(typed())) return true;
    return Boolean(await confirm(foresees(typed()), "Start them"));
  }

  async function sent() {
    const body = { ...FORMS[kind].fixed?.() };
    for (const { field, value } of all) {
      const given = await value();
      if (given !== undefined) body[field.name] = given;
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
    if (!show(wrong) || !wrong.every(({ of }) => of)) problem.textContent = error.message;
  }

  /** Marks the fields and goes to the first; returns whether there is one. */
  function show(wrong) {
    for (const { of, message } of wrong) of?.mark(message);
    const first = all.find((each) => wrong.some(({ of }) => of === each));
    if (!first) return false;
    problem.textContent = "Fix the highlighted fields.";
    if (first.field.more) more.open = true;
    first.control.focus();
    return true;
  }
}

/** Fills the list of repositories once they are loaded; the form works without them. */
async function fill({ control, field, mark }, known, signal) {
  const chosen = control.value || draft.value(field.keep || field.name);
  try {
    offer(control, await known, { valueOf: (each) => String(each.id), chosen });
  } catch (error) {
    if (signal.aborted) return;
    mark(`The repositories could not be loaded: ${error.message} `);
    const again = button("Try again", () => {
      control.focus();
      again.remove();
      mark("");
      fill({ control, field, mark }, repositories(signal), signal);
    });
    control.after(again);
  }
}
