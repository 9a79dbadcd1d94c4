// Copies text to the clipboard.

import { button, h } from "./dom.js";
import { notice } from "./notices.js";

/**
 * A button that copies.
 * @param {() => string} textOf called at the click
 * @param {string} label what it copies, for screen readers
 */
export function copyButton(textOf, label) {
  return button("Copy", () => copy(textOf()), { class: "copy", "aria-label": label, title: label });
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    notice("Copied.");
  } catch {
    // Browsers offer the clipboard to pages of HTTPS and of this machine only.
    notice(copyBySelection(text) ? "Copied." : "The browser does not allow copying here.", "done");
  }
}

function copyBySelection(text) {
  const before = document.activeElement;
  const field = h("textarea.unseen", { "aria-hidden": "true", readonly: true });
  field.value = text;
  document.body.append(field);
  field.select();
  const isDone = document.execCommand("copy");
  field.remove();
  before?.focus?.({ preventScroll: true });
  return isDone;
}
