// The HTTP API: requests with the session's token, and polling while the tab is visible.

import { QUICK_RETRIES, connection } from "./connection.js";
import { session } from "./session.js";
import { clock } from "./words.js";

/** A refused request. `fields` are the invalid fields, if the server named any. */
export class Refused extends Error {
  constructor(status, sentence, fields = []) {
    super(sentence);
    this.status = status;
    this.fields = fields;
  }
}

/** The server could not be reached. */
export class Unreachable extends Error {
  constructor() {
    super("The server is not responding.");
  }
}

/** Dispatches `refused` when the token is no longer valid. */
export const refusals = new EventTarget();

const SLOWEST = 60_000;
/** Milliseconds after which the page says that it is waiting. */
const SLOW = 5_000;
/** Statuses that say that Codegen, not the server, is the trouble. */
const UPSTREAM = [502, 503, 504];

/** The path within the chosen organization. */
export function org(path) {
  return `/organizations/${session.organization}${path}`;
}

/** A path with a query; what is empty is left out. */
export function query(path, values) {
  const given = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

/**
 * Sends a request and returns the response's JSON and headers; `document` is null if it has not changed (304). `stale`
 * is not null if Codegen did not respond and the server sent what it had.
 * @throws {Refused} @throws {Unreachable} @throws {DOMException} AbortError, if the signal aborts it
 */
export async function request(method, path, { body, headers = {}, signal } = {}) {
  const [place] = path.split("?");
  const slow = method === "GET" && setTimeout(() => connection.slow(place), SLOW);
  let response;
  try {
    response = await fetch(path, {
      method,
      signal,
      cache: "no-store",
      headers: { ...authorization(), "X-Client": "dashboard", ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    connection.works(place);
    if (signal?.aborted) throw error;
    connection.lost();
    throw new Unreachable();
  } finally {
    clearTimeout(slow);
  }
  connection.found();
  const stale = staleness(response);
  if (!UPSTREAM.includes(response.status) && !stale) connection.works(place);
  if (response.status === 304) return { document: null, headers: response.headers, stale };
  if (!response.ok) throw await refusal(response);
  return { document: await response.json(), headers: response.headers, stale };
}

/** Since when the response's data are not up to date, and why; null if they are. */
function staleness({ headers }) {
  const since = headers.get("X-Stale-Since");
  return since && { since: new Date(since), reason: headers.get("X-Stale-Reason") ?? "Codegen is not responding." };
}

export function authorization() {
  return session.token ? { Authorization: `Bearer ${session.token}` } : {};
}

/** The error that a failed response describes. */
export async function refusal(response) {
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    // A proxy's error page is not JSON.
  }
  const refused = new Refused(response.status, problem.detail || `The server answered ${response.status}.`, problem.errors);
  refused.isUpstream = UPSTREAM.includes(response.status);
  refused.retryAfter = Number(response.headers.get("Retry-After")) || null;
  if (response.status === 401) refusals.dispatchEvent(new CustomEvent("refused", { detail: refused.message }));
  return refused;
}

export async function get(path, options = {}) {
  return (await request("GET", path, options)).document;
}

/** A new idempotency key. */
export function newKey() {
  return crypto.getRandomValues(new BigUint64Array(2)).join("");
}

/** Posts, and retries once if the server is unreachable: the idempotency key prevents a second effect. */
export async function post(path, body, { signal, key = newKey() } = {}) {
  const headers = { "Idempotency-Key": key, "X-Client": "dashboard" };
  try {
    return (await request("POST", path, { body, headers, signal })).document;
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    return (await request("POST", path, { body, headers, signal })).document;
  }
}

/**
 * Polls until the signal aborts; a hidden tab sends nothing.
 * @param {() => string} pathOf returns the path of the next request
 * @param {(document: object) => void} onChange called with each response that differs from the one before
 * @param {{signal: AbortSignal, every: number, failed: (error: Error) => void, answered: (since: Date|null) => void}} options
 *   `every` in milliseconds; `answered` is called for every response, also an unchanged one; `since`: if it is not up to date
 * @returns {() => void} polls at once
 */
export function poll(pathOf, onChange, { signal, every = 4_000, failed = () => {}, answered = () => {} }) {
  let etag = null;
  let lastPath = null;
  let timer = null;
  let current = null;
  let pause = every;
  let failures = 0;

  async function pollNow() {
    clearTimeout(timer);
    if (document.hidden || signal.aborted) return;
    current?.abort();
    const mine = (current = new AbortController());
    const path = pathOf();
    try {
      const headers = etag !== null && path === lastPath ? { "If-None-Match": etag } : {};
      const response = await request("GET", path, { headers, signal: AbortSignal.any([signal, mine.signal]) });
      pause = every;
      failures = response.stale ? failures + 1 : 0;
      if (response.stale) connection.failing(path.split("?")[0], `${response.stale.reason} Showing data of ${clock(response.stale.since)}.`, failures - 1);
      answered(response.stale?.since ?? null);
      if (response.document !== null) {
        [etag, lastPath] = [response.headers.get("ETag"), path];
        onChange(response.document);
      }
    } catch (error) {
      if (signal.aborted || mine.signal.aborted) return;
      if (error.isUpstream) connection.failing(path.split("?")[0], error.message, failures);
      pause = pauseAfter(error, failures);
      if (!(error instanceof Unreachable)) failures += 1;
      failed(error);
    }
    if (!mine.signal.aborted) timer = setTimeout(pollNow, pause);
  }

  function pauseAfter(error, before) {
    if (error instanceof Unreachable) return every;
    if (error.retryAfter) return Math.min(SLOWEST, error.retryAfter * 1_000);
    return before < QUICK_RETRIES ? every : SLOWEST;
  }

  const again = () => void pollNow();
  document.addEventListener("visibilitychange", again, { signal });
  connection.addEventListener("again", again, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  pollNow();
  return again;
}
