// The sign-in form: the token is checked before anything else is shown.

import { get } from "../api.js";
import { button, h, mark } from "../dom.js";
import { session } from "../session.js";

const INVALID = "This token is not valid. Check that you copied all of it.";

/**
 * @param {object} options
 * @param {string} options.why the reason to sign in again
 * @param {string} options.given a token to begin with
 * @param {(organizations: object[]) => void} options.done
 */
export function showSignIn(root, { why, given = "", done }) {
  document.title = "Sign in · codegen-bot";
  root.removeAttribute("aria-busy");
  const problem = h("p.problem", { role: "alert", id: "sign-in-problem" }, why);
  const token = h("input", {
    id: "token",
    type: "password",
    required: true,
    autocomplete: "off",
    spellcheck: "false",
    "aria-describedby": "token-help sign-in-problem",
  });
  token.value = given;
  const reveal = button("Show", toggle, { class: "plain", "aria-label": "Show the token", "aria-pressed": "false" });
  const stays = h("input", { type: "checkbox", id: "stay" });
  const send = h("button.primary", { type: "submit" }, "Sign in");
  const form = h(
    "form.card.sign-in",
    { on: { submit } },
    mark(),
    h("h1", {}, "Sign in to codegen-bot"),
    h("label", { for: "token" }, "API token"),
    h("div.with-button", {}, token, reveal),
    h("p.hint", { id: "token-help" }, "From Codegen's settings. On a server with agents of its own, its operator creates one."),
    h("label.check", { for: "stay" }, stays, "Keep me signed in on this device"),
    problem,
    send,
  );
  root.replaceChildren(form);
  token.focus();

  function toggle() {
    const isShown = token.type === "password";
    token.type = isShown ? "text" : "password";
    reveal.textContent = isShown ? "Hide" : "Show";
    reveal.setAttribute("aria-pressed", String(isShown));
  }

  function refuse(sentence) {
    problem.textContent = sentence;
    token.setAttribute("aria-invalid", "true");
    token.select();
  }

  async function submit(event) {
    event.preventDefault();
    problem.textContent = "";
    token.removeAttribute("aria-invalid");
    // Such characters cannot be sent in a header.
    if (/[^\x20-\x7e]/.test(token.value.trim())) return refuse("The token contains invalid characters.");
    send.disabled = true;
    session.begin(token.value.trim(), { stays: stays.checked });
    let sentence = "This token has no access to any organization.";
    try {
      const { items } = await get("/organizations");
      if (items.length) return done(items);
    } catch (error) {
      sentence = error.status === 401 ? INVALID : error.message;
    }
    if (!root.contains(form)) return;
    session.end();
    send.disabled = false;
    refuse(sentence);
  }
}
