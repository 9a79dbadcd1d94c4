// Makes untrusted text harmless to read: invisible characters and those that change the direction of text are written
// out.

// Colours and cursor movements of terminals: https://www.ecma-international.org/publications-and-standards/standards/ecma-48/
const TERMINAL = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])/g;
const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g;
const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** The text as it may be shown, still to be inserted as text. */
export function inert(text) {
  return String(text)
    .replaceAll("\r\n", "\n")
    .replace(TERMINAL, "")
    .replace(CONTROL, (sign) => (sign === "\x7f" ? "\u2421" : String.fromCharCode(0x2400 + sign.charCodeAt(0))))
    .replace(TURNING, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
