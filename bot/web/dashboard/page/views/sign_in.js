// Signing in: a token of Codegen's, which Codegen is asked about before anything else is shown.

import { get } from "../api.js";
import { h } from "../dom.js";
import { session } from "../session.js";

/** @param {{why: string, done: (organizations: object[]) => void}} options `why` one has to sign in (again) */
export function showSignIn(root, { why, done }) {
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
  const send = h("button.primary", { type: "submit" }, "Sign in");
  const form = h(
    "form.card.sign-in",
    { on: { submit } },
    h("h1", {}, "Sign in"),
    h("label", { for: "token" }, "Codegen API token"),
    token,
    h("p.hint", { id: "token-help" }, "From Codegen's settings, under API tokens. It stays in this tab and is forgotten when you close it."),
    problem,
    send,
  );
  root.replaceChildren(form);
  token.focus();

  async function submit(event) {
    event.preventDefault();
    problem.textContent = "";
    // No header takes such characters: the browser would not even ask, and the server would seem to be away.
    if (/[^\x20-\x7e]/.test(token.value.trim())) {
      problem.textContent = "This has characters that no token of Codegen's has.";
      return token.select();
    }
    send.disabled = true;
    session.token = token.value.trim();
    try {
      const { items } = await get("/organizations");
      if (items.length) return done(items);
      problem.textContent = "This token sees no organization.";
    } catch (error) {
      if (!root.contains(form)) return;
      problem.textContent = error.message;
    }
    session.end();
    send.disabled = false;
    token.select();
  }
}
