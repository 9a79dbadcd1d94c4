// A multi-run as it is shown, from what there is: what the server tells of one that was asked for by HTTP, and its runs,
// whoever asked for it.

import { count, firstLine, isFinished, markOf, stateOf } from "../../words.js";

/**
 * @param {object | null} told a MultiRunResponse; null where a comment, the Action or a command line began it
 * @param {object[]} listed its runs, as the list of runs has them
 * @returns {{title: string, mark: object, began: string | null, status: string | null, message: string,
 *   attempts: {number: number, run: object | null, problem: string}[], ended: number, synthesis: object | null, final: string}}
 */
export function modelOf(told, listed) {
  const runs = merged(told?.agent_runs ?? [], listed);
  const attempts = attemptsOf(told?.candidates ?? [], runs);
  const synthesis = runs.find(isSynthesis) ?? null;
  const first = runs[0];
  const mark = first ? markOf(first) : {};
  const shown = { attempts, synthesis, ended: attempts.filter(hasEnded).length };
  const judged = told ? { status: STATUSES[told.status], message: sentenceOf(told, shown) } : judge(shown);
  return {
    ...shown,
    ...judged,
    title: firstLine(mark.prompt) || "Multi-run",
    mark,
    began: first?.created_at ?? null,
    final: told ? (told.final ?? "") : finalOf(shown),
  };
}

const STATUSES = { running: "RUNNING", completed: "COMPLETE", failed: "FAILED" };

/** The server says something new when a run moves; that all have begun is seen here before. */
function sentenceOf(told, { attempts, synthesis }) {
  const isAtWork = told.status === "running" && !synthesis && attempts.length > 0 && attempts.every(({ run }) => run);
  return isAtWork ? howMany(attempts) : told.message;
}

function isSynthesis(run) {
  return Boolean(run.metadata?.multi_run_synthesis);
}

/** Both know of each run; the end of one is known where either knows it. */
function merged(told, listed) {
  const found = new Map(listed.map((run) => [run.id, run]));
  for (const run of told) {
    const other = found.get(run.id);
    const newer = other && isFinished(other.status) && !isFinished(run.status) ? other : run;
    found.set(run.id, { ...other, ...newer, metadata: other?.metadata ?? run.metadata, ended_at: other?.ended_at ?? null });
  }
  return [...found.values()].sort((one, other) => one.id - other.id);
}

/** All that are to be, also those that have not begun. */
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

/** How it stands, by its runs alone. */
function judge(shown) {
  const { attempts, synthesis, ended } = shown;
  if (synthesis) return { status: synthesis.status, message: aboutSynthesis(synthesis) };
  if (ended < attempts.length) return { status: "RUNNING", message: howMany(attempts) };
  const succeeded = good(shown).length;
  if (succeeded === 0) return { status: "FAILED", message: "None of the attempts succeeded." };
  if (succeeded === 1) return { status: "COMPLETE", message: "One attempt succeeded: there is nothing to put together." };
  // Where nobody waits for the attempts, none will begin.
  return { status: null, message: `${howMany(attempts)} No synthesis has begun.` };
}

function aboutSynthesis({ status }) {
  if (!isFinished(status)) return "The attempts have ended; an agent makes the best of them.";
  const state = stateOf(status);
  return state === "succeeded" ? "Finished: an agent made the best of the attempts." : `The attempts have ended, but the synthesis ended as ${state}.`;
}

function howMany(attempts) {
  const counts = new Map();
  for (const { run } of attempts) {
    const word = run ? stateOf(run.status) : "not begun";
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return `${count(attempts.length, "attempt")}: ${[...counts].map(([word, number]) => `${number} ${word}`).join(", ")}.`;
}

function finalOf(shown) {
  const { attempts, synthesis, ended } = shown;
  const best = synthesis ?? (ended === attempts.length && good(shown).length === 1 ? good(shown)[0].run : null);
  return best && stateOf(best.status) === "succeeded" ? best.result || best.summary || "" : "";
}
