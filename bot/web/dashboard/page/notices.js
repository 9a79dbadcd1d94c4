// Short notices, and confirmation dialogs.

import { button, h } from "./dom.js";

let timer = null;

/** Shows a sentence at the bottom of the page for some seconds; screen readers announce it. */
export function notice(sentence, kind = "done") {
  const place = document.getElementById("notice");
  place.className = kind;
  place.textContent = sentence;
  clearTimeout(timer);
  timer = setTimeout(() => (place.textContent = ""), kind === "error" ? 15_000 : 6_000);
}

/** Removes the notice of another page. */
export function clearNotice() {
  clearTimeout(timer);
  document.getElementById("notice").textContent = "";
}

/**
 * Asks for confirmation of a destructive action.
 * @param {string} question a sentence that says what will happen
 * @param {string} verb on the button
 * @param {{reason?: boolean, refusal?: string}} options `reason`: whether a reason can be given; `refusal`: on the other button
 * @returns {Promise<false | {reason: string}>}
 */
export function confirm(question, verb, { reason = false, refusal = "Cancel" } = {}) {
  return new Promise((resolve) => {
    const why = h("input", { id: "why", maxlength: 2000, autocomplete: "off" });
    const dialog = h(
      "dialog",
      { "aria-labelledby": "confirm-title", "aria-describedby": "question" },
      h("h2", { id: "confirm-title" }, `${verb}?`),
      h("p", { id: "question" }, question),
      reason && h("p", {}, h("label", { for: "why" }, "Reason, posted on the pull request (optional)"), why),
      h(
        "p.buttons",
        {},
        button(refusal, () => dialog.close()),
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
