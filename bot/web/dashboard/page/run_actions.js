// The actions on a run: those of the commands resume, cancel, ban-checks, unban-checks and remove.

import { newKey, org, post, Refused } from "./api.js";
import { button, h } from "./dom.js";
import { inert } from "./inert.js";
import { confirm, notice } from "./notices.js";
import { isFinished, isOfOwnAgent } from "./words.js";
import { written } from "./written.js";

const STOPPING = [
  {
    name: "Ban checks",
    path: "ban-all-checks",
    about: "Failed checks of the run's pull request start no agent any more",
    question: (run, where) =>
      isOfOwnAgent(run)
        ? `Failed checks ${where} start no agent any more. Agents working there are stopped${including(run)}.`
        : `Codegen will no longer react to checks ${where}. Its agents there are stopped${including(run)}.`,
    without: "it will not react to the checks of a later one",
    own: "Its agent continues.",
  },
  {
    name: "Remove from pull request",
    path: "remove-codegen-from-pr",
    about: "Stops the agents on the run's pull request",
    question: (run, where) =>
      isOfOwnAgent(run)
        ? `Agents working ${where} are stopped${including(run)}, and failed checks there start none any more.`
        : `Codegen is removed from ${where.replace(/^on /, "")}. Its agents there are stopped${including(run)}.`,
    without: "it will stay off a later one",
    own: "Its agent is stopped; what it has done is kept.",
  },
];
const UNBAN = { name: "Unban checks", path: "unban-all-checks", about: "Lets failed checks start agents again" };

/** The run that is looked at, if there is something of it to stop. */
function including(run) {
  return isFinished(run.status) ? "" : `, including run ${run.id}`;
}

/** The next step after an error, by status, if its sentence has none. */
const NEXT = {
  402: "More runs are available on Codegen's billing page; your text is kept here.",
  403: "This needs a token with more rights.",
  404: "Check the organization selected above.",
  502: "Try again in a minute.",
  503: "Try again in a minute.",
  504: "Try again in a minute.",
};

/** An error's sentence with the next step. */
export function refusalWords(error) {
  if (!(error instanceof Refused)) return `${error.message} Your text is kept here; try again when the server is back.`;
  const wait = error.retryAfter ? `Try again in ${error.retryAfter} s.` : "";
  return [error.message, wait || NEXT[error.status]].filter(Boolean).join(" ");
}

/**
 * Buttons and a form for a run.
 * @param {object} run as the API shows it
 * @param {{signal: AbortSignal, done: (name: string) => void}} options `done` is called with the action's name when it succeeded
 * @returns {{element: HTMLElement, update: (run: object) => void}} call `update` with the run's latest state
 */
export function runActions(run, { signal, done }) {
  let shown = run;
  let isBusy = false;
  let key = newKey();
  const answer = h("div.answer", { role: "status" });
  const problem = h("p.problem", { role: "alert" });
  const prompt = h("textarea", { id: `resume-${run.id}`, name: "prompt", maxlength: 100_000, required: true, "aria-describedby": `resume-help-${run.id}`, on: { input: changed, keydown } });
  const send = h("button.primary", { type: "submit" }, "Resume");
  const form = h(
    "form.resume",
    { novalidate: true, "aria-label": "Resume", on: { submit: resume } },
    h("label", { for: prompt.id }, "Follow-up"),
    prompt,
    h("p.hint", { id: `resume-help-${run.id}` }, "The run continues with this; a finished run starts again."),
    h("p.buttons", {}, send),
  );
  const [ban, remove] = STOPPING.map((each) => button(each.name, () => stop(each), { title: each.about }));
  const unban = button(UNBAN.name, () => act(UNBAN.name, () => post(path(UNBAN.path), {})), { title: UNBAN.about });
  const cancel = button("Cancel run", stopRun, { class: "danger", hidden: true, title: "Stops the run's agent; what it has done so far is kept" });
  const buttons = [cancel, ban, unban, remove];
  const element = h(
    "section.actions",
    { "aria-labelledby": `actions-${run.id}` },
    h("h2", { id: `actions-${run.id}` }, "Actions"),
    form,
    h("p.buttons", {}, cancel),
    h("div.buttons", { role: "group", "aria-label": "Agents on the pull request" }, ban, unban, remove),
    h("p.hint", {}, "A sandbox that does not start: ", h("a", { href: "#/new?kind=analyze-logs" }, "analyze-logs"), "."),
    problem,
    answer,
  );
  update(run);
  return { element, update };

  function update(latest) {
    shown = latest;
    // Only agents of the server's own can be cancelled.
    const isHidden = !latest.cancellable || isFinished(latest.status);
    if (isHidden && document.activeElement === cancel) prompt.focus({ preventScroll: true });
    cancel.hidden = isHidden;
  }

  async function stopRun() {
    if (isBusy) return;
    const yes = await confirm(`Run ${run.id} is stopped. What its agent has done so far is kept, and the run can be resumed.`, "Cancel run", { refusal: "Let it work" });
    if (yes) await act("Cancel run", () => post(path("cancel"), {}));
  }

  function path(end) {
    return org(`/agent/run/${run.id}/${end}`);
  }

  async function resume(event) {
    event.preventDefault();
    if (isBusy) return;
    // Next to the field that it is about.
    prompt.after(problem);
    if (prompt.value.trim() === "") {
      problem.textContent = "Enter what the run should do.";
      prompt.setAttribute("aria-invalid", "true");
      prompt.focus();
      return;
    }
    await act("Resume", async () => {
      await post(path("resume"), { prompt: prompt.value }, { key });
      prompt.value = "";
      key = newKey();
      return { message: `Run ${run.id} continues.` };
    });
  }

  function changed() {
    key = newKey();
    prompt.removeAttribute("aria-invalid");
    if (problem.parentElement === form) problem.textContent = "";
  }

  function keydown(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  }

  /** Without a pull request Codegen stops nothing, an agent of one's own only on `remove`; no reason can be posted. */
  async function stop({ name, path: end, question, without, own }) {
    if (isBusy) return;
    const there = where(shown);
    const alone = isOfOwnAgent(shown) ? (isFinished(shown.status) ? "" : ` ${own}`) : ` Codegen records that ${without}. A running agent continues.`;
    const text = there ? question(shown, there) : `Run ${shown.id} has no pull request.${alone}`;
    const yes = await confirm(text, name, { reason: there !== "" });
    if (yes) await act(name, () => post(path(end), yes.reason ? { reason: yes.reason } : {}));
  }

  /** One action at a time. It continues if the user leaves the page. */
  async function act(name, doing) {
    if (isBusy) return;
    busy(true);
    if (name !== "Resume") answer.before(problem);
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

  /** Not `disabled`: a disabled button would lose the focus. */
  function busy(is) {
    isBusy = is;
    for (const each of [...buttons, send]) {
      if (is) each.setAttribute("aria-disabled", "true");
      else each.removeAttribute("aria-disabled");
    }
  }
}

/** The action concerns all pull requests of the run. */
function where({ github_pull_requests: links }) {
  const names = (links ?? []).filter((link) => link.url).map((link) => link.url.replace(/^https?:\/\/[^/]+\//, "").replace("/pull/", "#"));
  return names.length ? `on ${names.join(" and ")}` : "";
}
