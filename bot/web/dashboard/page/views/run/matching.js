// Matches log entries by kind and by words in them.

const DEEPEST = 50;

/** @param {{kind: string, sought: string}} wanted `kind`: "type:ACTION" or "tool:edit_file", or empty for all */
export function matcher({ kind, sought }) {
  const [field, name] = [kind.slice(0, 4) === "tool" ? "tool_name" : "message_type", kind.slice(5)];
  const words = sought.toLowerCase();
  return (entry) => (!kind || entry[field] === name) && (!words || holds(entry, words));
}

function holds(entry, words) {
  return (
    inText(entry.thought, words) ||
    inText(entry.tool_name, words) ||
    inText(entry.message_type, words) ||
    isIn(entry.observation, words) ||
    isIn(entry.tool_input, words) ||
    isIn(entry.tool_output, words)
  );
}

/** Whether a value contains the words, at any depth. @param {string} words in lower case */
export function isIn(value, words, depth = 0) {
  if (value === null || value === undefined || depth > DEEPEST) return false;
  if (typeof value !== "object") return inText(value, words);
  if (Array.isArray(value)) return value.some((each) => isIn(each, words, depth + 1));
  return Object.keys(value).some((key) => inText(key, words) || isIn(value[key], words, depth + 1));
}

function inText(text, words) {
  return text !== null && text !== undefined && String(text).toLowerCase().includes(words);
}
