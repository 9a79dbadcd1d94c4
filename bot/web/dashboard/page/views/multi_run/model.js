// The model of the multi-run view, from the server's response, if it was requested by the HTTP API, and from the list of
// its runs.

import { authorOf, count, firstLine, isFinished, markOf, stateOf } from "../../words.js";

/**
 * @param {object | null} reported a MultiRunResponse; null if a comment, the Action or the command line started it
 * @param {object[]} listed its runs from the list of runs
 * @returns {{title: string, mark: object, author: string, began: string | null, status: string | null, message: string,
 *   attempts: {number: number, run: object | null, problem: string}[], ended: number, synthesis: object | null, final: string}}
 */
export function modelOf(reported, listed) {
  const runs = merged(reported?.agent_runs ?? [], listed);
  const attempts = attemptsOf(reported?.candidates ?? [], runs);
  const synthesis = runs.find(isSynthesis) ?? null;
  const first = runs[0];
  const mark = first ? markOf(first) : {};
  const shown = { attempts, synthesis, ended: attempts.filter(hasEnded).length };
  const judged = reported ? { status: STATUSES[reported.status], message: sentenceOf(reported, shown) } : judge(shown);
  return {
    ...shown,
    ...judged,
    title: firstLine(mark.prompt) || "Multi-run",
    mark,
    author: first ? authorOf(first) : "",
    began: first?.created_at ?? null,
    final: reported ? (reported.final ?? "") : finalOf(shown),
  };
}

const STATUSES = { running: "RUNNING", completed: "COMPLETE", failed: "FAILED" };

/** The server's message changes only with a run's state; that all have started is known here earlier. */
function sentenceOf(reported, { attempts, synthesis }) {
  const isAtWork = reported.status === "running" && !synthesis && attempts.length > 0 && attempts.every(({ run }) => run);
  return isAtWork ? howMany(attempts) : reported.message;
}

function isSynthesis(run) {
  return Boolean(run.metadata?.multi_run_synthesis);
}

/** Merges both sources; a run has ended if either says so. */
function merged(reported, listed) {
  const found = new Map(listed.map((run) => [run.id, run]));
  for (const run of reported) {
    const other = found.get(run.id);
    const newer = other && isFinished(other.status) && !isFinished(run.status) ? other : run;
    const known = Object.fromEntries(Object.entries(newer).filter(([, value]) => value !== null));
    found.set(run.id, { ...run, ...other, ...known, metadata: other?.metadata ?? run.metadata, ended_at: other?.ended_at ?? null });
  }
  return [...found.values()].sort((one, other) => one.id - other.id);
}

/** All attempts, including those that have not started. */
function attemptsOf(candidates, runs) {
  const tries = runs.filter((run) => !isSynthesis(run));
  const total = Math.max(candidates.length, tries.length, ...tries.map(({ metadata }) => Number(metadata?.multi_run_total) || 0));
  return Array.from({ length: total }, (_, index) => {
    const number = index + 1;
    const candidate = candidates.find((each) => each.number === number);
    const run = tries.find((each) => each.id === candidate?.agent_run_id || each.metadata?.multi_run_index === number) ?? null;
    return { number, run, problem: candidate?.problem ?? "" };
  });
}

function hasEnded({ run, problem }) {
  return run ? isFinished(run.status) || problem !== "" : problem !== "";
}

function good({ attempts }) {
  return attempts.filter(({ run }) => run && stateOf(run.status) === "succeeded");
}

/** The status from the runs alone. */
function judge(shown) {
  const { attempts, synthesis, ended } = shown;
  if (synthesis) return { status: synthesis.status, message: aboutSynthesis(synthesis) };
  if (ended < attempts.length) return { status: "RUNNING", message: howMany(attempts) };
  const succeeded = good(shown).length;
  if (succeeded === 0) return { status: "FAILED", message: "None of the attempts succeeded." };
  if (succeeded === 1) return { status: "COMPLETE", message: "One attempt succeeded, so there is no synthesis." };
  // A synthesis starts only if the command waits for the attempts.
  return { status: null, message: `${howMany(attempts)} No synthesis was started.` };
}

function aboutSynthesis({ status }) {
  if (!isFinished(status)) return "The attempts have ended; an agent is combining the best of them.";
  const state = stateOf(status);
  return state === "succeeded" ? "Finished: an agent combined the best of the attempts." : `The attempts have ended, but the synthesis ended as ${state}.`;
}

function howMany(attempts) {
  const counts = new Map();
  for (const { run } of attempts) {
    const word = run ? stateOf(run.status) : "not started";
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return `${count(attempts.length, "attempt")}: ${[...counts].map(([word, number]) => `${number} ${word}`).join(", ")}.`;
}

function finalOf(shown) {
  const { attempts, synthesis, ended } = shown;
  const best = synthesis ?? (ended === attempts.length && good(shown).length === 1 ? good(shown)[0].run : null);
  return best && stateOf(best.status) === "succeeded" ? best.result || best.summary || "" : "";
}
