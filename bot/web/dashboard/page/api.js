// The HTTP API: requests with the session's token, and questions that are asked again while somebody looks.

import { connection } from "./connection.js";
import { session } from "./session.js";

/** What the server said no to. `fields` are those of the form that do not fit, where it named any. */
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
    super("The server does not answer.");
  }
}

/** Whom to tell that the token is not taken any more. */
export const refusals = new EventTarget();

const SLOWEST = 60_000;

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
 * Asks, and gives the answer's JSON with its headers; `document` is null where it is as it was (304).
 * @throws {Refused} @throws {Unreachable} @throws {DOMException} AbortError, where the signal says so
 */
export async function ask(method, path, { body, headers = {}, signal } = {}) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      signal,
      cache: "no-store",
      headers: { ...authorization(), ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    connection.lost();
    throw new Unreachable();
  }
  connection.found();
  if (answer.status === 304) return { document: null, headers: answer.headers };
  if (!answer.ok) throw await refusal(answer);
  return { document: await answer.json(), headers: answer.headers };
}

export function authorization() {
  return session.token ? { Authorization: `Bearer ${session.token}` } : {};
}

/** What an answer that is none says. */
export async function refusal(answer) {
  let problem = {};
  try {
    problem = await answer.json();
  } catch {
    // A proxy in between answers in its own way.
  }
  const refused = new Refused(answer.status, problem.detail || `The server answered ${answer.status}.`, problem.errors);
  refused.retryAfter = Number(answer.headers.get("Retry-After")) || null;
  if (answer.status === 401) refusals.dispatchEvent(new CustomEvent("refused", { detail: refused.message }));
  return refused;
}

export async function get(path, options = {}) {
  return (await ask("GET", path, options)).document;
}

/** A name for what is sent, by which the server knows it again. */
export function newKey() {
  return crypto.getRandomValues(new BigUint64Array(2)).join("");
}

/** Posts once, however often it has to be sent: the key makes the server take it for the same. */
export async function post(path, body, { signal, key = newKey() } = {}) {
  const headers = { "Idempotency-Key": key };
  try {
    return (await ask("POST", path, { body, headers, signal })).document;
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    return (await ask("POST", path, { body, headers, signal })).document;
  }
}

/**
 * Asks now and again and tells what is new, until the signal says so; a tab that nobody sees asks nothing.
 * @param {() => string} pathOf gives the path anew each time
 * @param {(document: object) => void} news is told each answer that differs from the one before
 * @param {{signal: AbortSignal, every: number, failed: (error: Error) => void, answered: () => void}} options `every` in
 *   milliseconds; `answered` is told of every answer, though nothing may be new
 * @returns {() => void} asks at once
 */
export function poll(pathOf, news, { signal, every = 4_000, failed = () => {}, answered = () => {} }) {
  let etag = null;
  let lastPath = null;
  let timer = null;
  let asking = null;
  let pause = every;

  async function look() {
    clearTimeout(timer);
    if (document.hidden || signal.aborted) return;
    asking?.abort();
    const mine = (asking = new AbortController());
    const path = pathOf();
    try {
      const headers = etag !== null && path === lastPath ? { "If-None-Match": etag } : {};
      const answer = await ask("GET", path, { headers, signal: AbortSignal.any([signal, mine.signal]) });
      pause = every;
      answered();
      if (answer.document !== null) {
        [etag, lastPath] = [answer.headers.get("ETag"), path];
        news(answer.document);
      }
    } catch (error) {
      if (signal.aborted || mine.signal.aborted) return;
      pause = Math.min(SLOWEST, error.retryAfter ? error.retryAfter * 1_000 : pause * 2);
      if (error instanceof Unreachable) pause = every;
      failed(error);
    }
    if (!mine.signal.aborted) timer = setTimeout(look, pause);
  }

  const again = () => void look();
  document.addEventListener("visibilitychange", again, { signal });
  connection.addEventListener("again", again, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  look();
  return again;
}
