// Texts for runs, times and states.

/** The state that each of Codegen's statuses means; the same table as in `bot.codegen.models`. */
const STATES = {
  pending: "queued",
  queued: "queued",
  paused: "paused",
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

export const ALL_STATES = ["queued", "working", "paused", "succeeded", "failed", "cancelled", "timed-out", "out-of-tokens", "max-iterations"];

export function stateOf(status) {
  return STATES[(status || "").trim().toLowerCase().replace(/[\s-]+/g, "_")] || "working";
}

/** A state as people read it: "Timed out". */
export function stateWords(state) {
  const words = state.replaceAll("-", " ");
  return words[0].toUpperCase() + words.slice(1);
}

/** Whether an agent of the server's own does it, and not Codegen's: only these can be cancelled. */
export function isOfOwnAgent(run) {
  return typeof run.cancellable === "boolean";
}

export function isFinished(status) {
  return !["queued", "working", "paused"].includes(stateOf(status));
}

/** The bot's mark in a run's metadata; empty if the bot did not start it. */
export function markOf(run) {
  const mark = run.metadata?.codegen_bot;
  return mark && typeof mark === "object" ? mark : {};
}

/** The GitHub name of who asked for a run; empty if unknown. */
export function authorOf(run) {
  return run.author?.login || markOf(run).login || "";
}

/** A run's title: as the API gives it, else the first line of its prompt if known, else of its summary or result. */
export function titleOf(run) {
  const found = run.title || markOf(run).prompt || firstLine(run.summary) || firstLine(run.result);
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

/** For how long a run has worked; empty if unknown. `working_seconds` leaves out the time in which it waited for people. */
export function lasted(run) {
  if (typeof run.working_seconds === "number") {
    const since = isFinished(run.status) || !run.seenAt ? 0 : (Date.now() - run.seenAt) / 1000;
    return duration(run.working_seconds + since);
  }
  if (!run.created_at) return "";
  if (isFinished(run.status) && !run.ended_at) return "";
  const end = isFinished(run.status) ? new Date(run.ended_at).getTime() : Date.now();
  return duration((end - new Date(run.created_at).getTime()) / 1000);
}

const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** The browser's local time: "16 Nov 2026, 14:05:09". */
export function exactly(moment) {
  return moment ? `${DATE.format(new Date(moment))}, ${TIME.format(new Date(moment))}` : "";
}

/** The browser's local time of day: "14:05:09". */
export function clock(moment) {
  return TIME.format(new Date(moment));
}

/** "16 Nov 2026" of "2026-11-16". */
export function day(date) {
  return DATE.format(new Date(`${date}T00:00`));
}

/** "$0.42"; "~$0.42" if estimated; empty if unknown. `usage` as in the API's run. */
export function cost(usage) {
  if (typeof usage?.cost !== "number") return "";
  const amount = usage.cost > 0 && usage.cost < 0.01 ? "<$0.01" : `$${usage.cost.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  return usage.is_estimated ? `~${amount}` : amount;
}

/** All tokens of a run: "18.4k"; empty if unknown. */
export function tokens(usage) {
  const known = [usage?.input_tokens, usage?.output_tokens].filter((each) => typeof each === "number");
  return known.length ? compact(known.reduce((sum, each) => sum + each, 0)) : "";
}

/** "950", "18.4k", "2.1M". */
export function compact(number) {
  return number.toLocaleString("en", { notation: "compact", maximumSignificantDigits: 3 }).replace("K", "k");
}

/** A share as "87%"; never rounded to 0% or 100%. */
export function share(part) {
  if (part > 0.99 && part < 1) return "99%";
  if (part > 0 && part < 0.01) return "<1%";
  return `${Math.round(part * 100)}%`;
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}
