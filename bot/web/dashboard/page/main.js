// The page begins here: whoever is signed in sees what the address says, everybody else the form to sign in.

import { Unreachable, get, refusals } from "./api.js";
import { connection } from "./connection.js";
import { h, state } from "./dom.js";
import { notice } from "./notices.js";
import { leave, route } from "./router.js";
import { session } from "./session.js";
import { stars } from "./stars.js";
import { showSignIn } from "./views/sign_in.js";

const main = document.getElementById("main");
const nav = document.getElementById("nav");
const account = document.getElementById("account");
const chooser = document.getElementById("organization");
let signedOut = new AbortController();

function signOut(why = "") {
  session.end();
  signedOut.abort();
  leave();
  nav.hidden = account.hidden = true;
  showSignIn(main, { why, done: signedIn });
}

function signedIn(organizations) {
  chooser.replaceChildren(...organizations.map((each) => h("option", { value: each.id }, each.name)));
  if (!organizations.some((each) => each.id === session.organization)) session.organization = organizations[0].id;
  chooser.value = String(session.organization);
  nav.hidden = account.hidden = false;
  followStars();
  route();
  main.focus({ preventScroll: true });
}

function followStars() {
  signedOut.abort();
  signedOut = new AbortController();
  stars.follow(signedOut.signal, (error) => notice(`The stars are not known: ${error.message}`, "error"));
}

async function begin() {
  if (!session.token) return signOut();
  main.setAttribute("aria-busy", "true");
  try {
    const { items } = await get("/organizations");
    if (!items.length) return signOut("This token sees no organization.");
    signedIn(items);
  } catch (error) {
    if (error.status === 401) return;
    if (error instanceof Unreachable) return later(error);
    showSignIn(main, { why: error.message, done: signedIn });
  }
}

/** Nobody has to sign in again because the server was away for a moment. */
function later(error) {
  main.removeAttribute("aria-busy");
  main.replaceChildren(state("error", error.message));
  connection.addEventListener("again", begin, { once: true });
}

chooser.addEventListener("change", () => {
  session.organization = Number(chooser.value);
  followStars();
  if (location.hash === "#/runs") route();
  else location.hash = "#/runs";
});
document.getElementById("sign-out").addEventListener("click", () => {
  session.forget();
  signOut();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  // The page's # is an address, and no place on the page.
  event.preventDefault();
  main.focus();
});
refusals.addEventListener("refused", (event) => {
  if (session.token && !nav.hidden) signOut(event.detail);
  else if (session.token) signOut("Codegen does not take this token.");
});
addEventListener("hashchange", () => {
  if (!nav.hidden) route();
});
begin();
