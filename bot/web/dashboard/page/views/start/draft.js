// What was typed, kept in the browser's session until it has been sent: a failed send, a reload and another page lose nothing.

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
    // There is no room for a long log: then it stands in the form alone.
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
  /** The key under which this is sent: the same as long as the same is sent, so that nothing is started twice. */
  keyOf(said) {
    const kept = read();
    if (kept.sent?.said === said) return kept.sent.key;
    const key = newKey();
    write({ ...kept, sent: { said, key } });
    return key;
  },
  /** It is sent: what a next one may share stays, its words do not. */
  done(names) {
    const { kind, values } = read();
    write({ kind, values: Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name))) });
  },
};
