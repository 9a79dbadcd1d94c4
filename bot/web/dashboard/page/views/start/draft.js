// Drafts, stored in the browser's session until they are sent: a failure, a reload or another page loses nothing.

import { newKey } from "../../api.js";

const PLACE = "codegen-bot.draft";

function read() {
  try {
    return { values: {}, ...JSON.parse(sessionStorage.getItem(PLACE)) };
  } catch {
    return { values: {} };
  }
}

function write(kept) {
  try {
    sessionStorage.setItem(PLACE, JSON.stringify(kept));
  } catch {
    // The storage is full; the text stays in the form.
  }
}

export const draft = {
  get kind() {
    return read().kind;
  },
  set kind(kind) {
    write({ ...read(), kind });
  },
  value(name) {
    return read().values[name] ?? "";
  },
  keep(name, value) {
    const kept = read();
    write({ ...kept, values: { ...kept.values, [name]: value } });
  },
  /** The idempotency key: the same as long as the content is the same, so that nothing is started twice. */
  keyOf(content) {
    const kept = read();
    if (kept.sent?.content === content) return kept.sent.key;
    const key = newKey();
    write({ ...kept, sent: { content, key } });
    return key;
  },
  /** Deletes the values that were sent; shared ones stay. */
  done(names) {
    const { kind, values } = read();
    write({ kind, values: Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name))) });
  },
};
