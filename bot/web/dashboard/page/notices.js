// What is told in passing, and what is asked before something stops.

import { button, h } from "./dom.js";

let timer = null;

/** A sentence at the page's foot, read out by screen readers, for some seconds. */
export function notice(sentence, kind = "done") {
  const place = document.getElementById("notice");
  place.className = kind;
  place.textContent = sentence;
  clearTimeout(timer);
  timer = setTimeout(() => (place.textContent = ""), kind === "error" ? 15_000 : 6_000);
}

/**
 * Asks before something is done that stops or takes away.
 * @param {string} question what will happen, in a sentence
 * @param {string} verb on the button
 * @param {{reason?: boolean}} options `reason`: whether why may be said
 * @returns {Promise<false | {reason: string}>}
 */
export function confirm(question, verb, { reason = false } = {}) {
  return new Promise((resolve) => {
    const why = h("input", { id: "why", maxlength: 2000, autocomplete: "off" });
    const dialog = h(
      "dialog",
      { "aria-labelledby": "question" },
      h("p", { id: "question" }, question),
      reason && h("p", {}, h("label", { for: "why" }, "Why, told on the pull request (may be left empty)"), why),
      h(
        "p.buttons",
        {},
        button("Leave it", () => dialog.close()),
        button(verb, () => dialog.close("yes"), { class: "danger" }),
      ),
    );
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes" ? { reason: why.value.trim() } : false);
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
