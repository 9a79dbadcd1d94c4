// How runs, times and states are said.

/** Codegen's status in our few words; the same as `bot.codegen.states`, which says it in the streams and the overview. */
const STATES = {
  pending: "queued",
  queued: "queued",
  complete: "succeeded",
  completed: "succeeded",
  success: "succeeded",
  succeeded: "succeeded",
  failed: "failed",
  failure: "failed",
  error: "failed",
  cancelled: "cancelled",
  canceled: "cancelled",
  stopped: "cancelled",
  timeout: "timed-out",
  timed_out: "timed-out",
  out_of_tokens: "out-of-tokens",
  max_iterations_reached: "max-iterations",
  max_iterations: "max-iterations",
};

export const ALL_STATES = ["queued", "working", "succeeded", "failed", "cancelled", "timed-out", "out-of-tokens", "max-iterations"];

export function stateOf(status) {
  return STATES[(status || "").trim().toLowerCase().replace(/[\s-]+/g, "_")] || "working";
}

export function isFinished(status) {
  return !["queued", "working"].includes(stateOf(status));
}

/** What the bot noted with a run when it started it; empty of a run that was started elsewhere. */
export function markOf(run) {
  const mark = run.metadata?.codegen_bot;
  return mark && typeof mark === "object" ? mark : {};
}

/** A run's one line: the prompt's first line where it is known, else its summary's. */
export function titleOf(run) {
  const found = markOf(run).prompt || firstLine(run.summary) || firstLine(run.result);
  return found || `Run ${run.id}`;
}

export function firstLine(text) {
  return (text || "").split("\n").find((line) => line.trim() !== "")?.trim() || "";
}

/** Seconds as "45 s", "3 min 5 s", "2 h 10 min". */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (hours) return minutes ? `${hours} h ${minutes} min` : `${hours} h`;
  if (minutes) return rest ? `${minutes} min ${rest} s` : `${minutes} min`;
  return `${rest} s`;
}

/** How long ago: "just now", "3 min ago", "2 days ago". */
export function ago(moment) {
  if (!moment) return "";
  const seconds = (Date.now() - new Date(moment).getTime()) / 1000;
  if (seconds < 10) return "just now";
  if (seconds < 60) return `${Math.round(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} days ago`;
}

/** How long a run took or has taken by now; empty where nobody knows. */
export function lasted(run) {
  if (!run.created_at) return "";
  if (isFinished(run.status) && !run.ended_at) return "";
  const end = isFinished(run.status) ? new Date(run.ended_at).getTime() : Date.now();
  return duration((end - new Date(run.created_at).getTime()) / 1000);
}

export function exactly(moment) {
  return moment ? new Date(moment).toLocaleString() : "";
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}
