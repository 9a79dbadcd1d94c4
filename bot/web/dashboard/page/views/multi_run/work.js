// What the attempts do and have done: the last call of a tool while they work, and the diffs of their pull requests.

import { get, org, poll, query } from "../../api.js";

/** Milliseconds between two looks into a log. The attempts take turns: many cost no more than one. */
const NEXT_LOG = 3_000;
const NEWEST = 5;
const NEXT_DIFF = 60_000;

/**
 * @param {{signal: AbortSignal, changed: () => void}} options `changed` is called when there is something new
 * @returns {{follow: (runs: object[]) => void, callOf: (id: number) => object | null, diffOf: (id: number) => object | null, reload: () => void}}
 *   call `follow` with the latest state of all runs
 */
export function work({ signal, changed }) {
  const calls = new Map();
  const diffs = new Map();
  const polls = new Map();
  let working = [];
  let turn = 0;
  let timer = setTimeout(readLog, 0);
  signal.addEventListener("abort", () => clearTimeout(timer));
  return { follow, callOf: (id) => calls.get(id) ?? null, diffOf: (id) => diffs.get(id) ?? null, reload };

  function follow(runs) {
    working = runs.filter(({ isFinished }) => !isFinished).map(({ id }) => id);
    for (const { id, urls, status } of runs) {
      if (!urls.length) continue;
      const key = JSON.stringify([urls, status]);
      const known = polls.get(id);
      if (known?.key === key) continue;
      if (known) known.again();
      const again = known?.again ?? poll(() => org(`/agent/run/${id}/diff`), (diff) => (diffs.set(id, diff), changed()), { signal, every: NEXT_DIFF });
      polls.set(id, { key, again });
    }
  }

  function reload() {
    for (const { again } of polls.values()) again();
  }

  async function readLog() {
    const id = working[turn++ % working.length];
    if (id !== undefined && !document.hidden) {
      try {
        const { logs } = await get(query(org(`/agent/run/${id}/logs`), { reverse: true, limit: NEWEST }), { signal });
        const found = logs.filter(({ tool_name: tool }) => tool).sort((one, other) => Date.parse(other.created_at) - Date.parse(one.created_at))[0];
        if (found && JSON.stringify(found) !== JSON.stringify(calls.get(id))) {
          calls.set(id, found);
          changed();
        }
      } catch {
        // The next turn tries again; that the server is away is shown elsewhere.
      }
    }
    if (!signal.aborted) timer = setTimeout(readLog, NEXT_LOG);
  }
}
