// What can be done with a run, by the names of the commands that do the same in a comment.

import { newKey, org, post, Refused } from "./api.js";
import { button, h } from "./dom.js";
import { inert } from "./inert.js";
import { confirm, notice } from "./notices.js";
import { written } from "./written.js";

const STOPPING = [
  {
    name: "ban-checks",
    path: "ban-all-checks",
    about: "Codegen stops reacting to the checks of the run's pull request",
    question: (run, where) => `Codegen will not react to checks ${where} any more, and its agents there are stopped, run ${run.id} too where it is at work.`,
    without: "it will not react to the checks of one that comes",
  },
  {
    name: "remove",
    path: "remove-codegen-from-pr",
    about: "Takes Codegen off the run's pull request",
    question: (run, where) => `Codegen is taken off ${where.replace(/^on /, "")}, and its agents there are stopped, run ${run.id} too where it is at work.`,
    without: "it will stay off one that comes",
  },
];
const UNBAN = { name: "unban-checks", path: "unban-all-checks", about: "Lets Codegen react to the checks again" };

/** What to do after a refusal, where its sentence does not say it. */
const NEXT = {
  402: "Codegen's page on billing has more runs; what you typed stays here.",
  403: "Somebody with more rights can do it, or another token.",
  404: "Is the right organization chosen above?",
  502: "Try again in a minute.",
  503: "Try again in a minute.",
  504: "Try again in a minute.",
};

/** A refusal's sentence with the next step. */
export function refusalWords(error) {
  if (!(error instanceof Refused)) return `${error.message} What you typed stays here; try again when the server is back.`;
  const wait = error.retryAfter ? `Try again in ${error.retryAfter} s.` : "";
  return [error.message, wait || NEXT[error.status]].filter(Boolean).join(" ");
}

/**
 * Buttons and a form for a run.
 * @param {object} run as the API shows it
 * @param {{signal: AbortSignal, done: (name: string) => void}} options `done` is told what has been done
 * @returns {{element: HTMLElement, tell: (run: object) => void}} `tell` it how the run is now
 */
export function runActions(run, { signal, done }) {
  let shown = run;
  let isBusy = false;
  let key = newKey();
  const answer = h("div.answer", { role: "status" });
  const problem = h("p.problem", { role: "alert" });
  const prompt = h("textarea", { id: `resume-${run.id}`, name: "prompt", maxlength: 100_000, required: true, "aria-describedby": `resume-help-${run.id}`, on: { input: () => (key = newKey()), keydown } });
  const send = h("button.primary", { type: "submit" }, "resume");
  const form = h(
    "form.resume",
    { novalidate: true, "aria-label": "Resume", on: { submit: resume } },
    h("label", { for: prompt.id }, "Follow-up"),
    prompt,
    h("p.hint", { id: `resume-help-${run.id}` }, "The run goes on with this; one that has ended begins again."),
    h("p.buttons", {}, send),
  );
  const [ban, remove] = STOPPING.map((each) => button(each.name, () => stop(each), { title: each.about }));
  const unban = button(UNBAN.name, () => act(UNBAN.name, () => post(path(UNBAN.path), {})), { title: UNBAN.about });
  const buttons = [ban, unban, remove];
  const element = h(
    "section.actions",
    { "aria-labelledby": `actions-${run.id}` },
    h("h2", { id: `actions-${run.id}` }, "What to do"),
    form,
    h("div.buttons", { role: "group", "aria-label": "Codegen on the pull request" }, ...buttons),
    h("p.hint", {}, "A sandbox that does not start: ", h("a", { href: "#/new?kind=analyze-logs" }, "analyze-logs"), "."),
    problem,
    answer,
  );
  return { element, tell: (told) => (shown = told) };

  function path(end) {
    return org(`/agent/run/${run.id}/${end}`);
  }

  async function resume(event) {
    event.preventDefault();
    if (prompt.value.trim() === "") {
      problem.textContent = "Say what the run is to do.";
      prompt.focus();
      return;
    }
    await act("resume", async () => {
      await post(path("resume"), { prompt: prompt.value }, { key });
      prompt.value = "";
      key = newKey();
      return { message: `Run ${run.id} goes on.` };
    });
  }

  function keydown(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  }

  /** Without a pull request nothing is stopped, and there is none on which the reason could be told. */
  async function stop({ name, path: end, question, without }) {
    if (isBusy) return;
    const there = where(shown);
    const asked = there ? question(shown, there) : `Run ${shown.id} has no pull request: Codegen takes note that ${without}. A running agent goes on.`;
    const yes = await confirm(asked, name, { reason: there !== "" });
    if (yes) await act(name, () => post(path(end), yes.reason ? { reason: yes.reason } : {}));
  }

  /** One thing at a time, however often somebody clicks. Whoever leaves the page has asked for it all the same. */
  async function act(name, doing) {
    if (isBusy) return;
    busy(true);
    problem.textContent = "";
    answer.replaceChildren();
    try {
      const { message } = await doing();
      answer.replaceChildren(...written(inert(message)));
      notice(`${name}: done.`);
      done(name);
    } catch (error) {
      problem.textContent = refusalWords(error);
      if (signal.aborted) notice(`${name}: ${refusalWords(error)}`, "error");
    } finally {
      busy(false);
    }
  }

  /** A button that could not be pressed any more would lose the focus. */
  function busy(is) {
    isBusy = is;
    for (const each of [...buttons, send]) {
      if (is) each.setAttribute("aria-disabled", "true");
      else each.removeAttribute("aria-disabled");
    }
  }
}

/** Codegen takes a run, and means all of its pull requests. */
function where({ github_pull_requests: links }) {
  const names = (links ?? []).filter((link) => link.url).map((link) => link.url.replace(/^https?:\/\/[^/]+\//, "").replace("/pull/", "#"));
  return names.length ? `on ${names.join(" and ")}` : "";
}
