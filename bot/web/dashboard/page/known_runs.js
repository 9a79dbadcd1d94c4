// The runs that lists have shown last, for a page that opens while the server is not responding.

const MOST = 500;
const runs = new Map();

export function rememberRuns(items) {
  for (const run of items) {
    runs.delete(run.id);
    runs.set(run.id, run);
  }
  while (runs.size > MOST) runs.delete(runs.keys().next().value);
}

/** The run as a list has shown it; undefined if none has. */
export function knownRun(id) {
  return runs.get(id);
}

/** At sign-out, and for another organization. */
export function forgetRuns() {
  runs.clear();
}
