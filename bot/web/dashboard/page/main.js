// The page's entry: shows the view of the URL to a signed-in user, else the sign-in form.

import { Unreachable, get, refusals } from "./api.js";
import { avatar } from "./avatar.js";
import { connection } from "./connection.js";
import { h, mark, state } from "./dom.js";
import { forgetRuns } from "./known_runs.js";
import { notice } from "./notices.js";
import { leave, prefetch, route } from "./router.js";
import { ME, awaitLogin, session, share, takeOver } from "./session.js";
import { stars } from "./stars.js";

/** Milliseconds after which the user's name is asked for, however busy the page is. */
const IDLE = 1_000;

const EXPIRED = "Your token is no longer valid. Sign in again.";

const main = document.getElementById("main");
const nav = document.getElementById("nav");
const account = document.getElementById("account");
const chooser = document.getElementById("organization");
const user = document.getElementById("user");
let signedOut = new AbortController();

async function signOut({ why = "", given = "" } = {}) {
  session.end();
  forgetRuns();
  signedOut.abort();
  leave();
  nav.hidden = account.hidden = true;
  main.replaceChildren();
  const { showSignIn } = await import("./views/sign_in.js");
  showSignIn(main, { why, given, done: signedIn });
}

function signedIn(organizations) {
  chooser.replaceChildren(...organizations.map((each) => h("option", { value: each.id }, each.name)));
  if (!organizations.some((each) => each.id === session.organization)) session.organization = organizations[0].id;
  chooser.value = String(session.organization);
  nav.hidden = account.hidden = false;
  awaitLogin();
  // First of all what is looked at; a page that is about the user cannot wait.
  route();
  followStars();
  if (location.hash.includes(encodeURIComponent(ME)) || !globalThis.requestIdleCallback) showUser();
  else requestIdleCallback(showUser, { timeout: IDLE });
  main.focus({ preventScroll: true });
}

/** Who is signed in. */
async function showUser() {
  user.replaceChildren();
  const { token } = session;
  try {
    const { github_username: login, full_name: name } = await get("/current-user");
    if (session.token !== token) return;
    session.login = login;
    user.title = `Signed in as ${name ? `${name} (${login})` : login}`;
    user.replaceChildren(avatar(login, { large: true }), h("span.name", {}, h("span.unseen", {}, "Signed in as "), login));
  } catch {
    // The page works without the name.
    session.login = "";
  }
}

function followStars() {
  signedOut.abort();
  signedOut = new AbortController();
  stars.follow(signedOut.signal, (error) => notice(`The stars could not be loaded: ${error.message}`, "error"));
}

async function begin() {
  const link = location.hash.startsWith("#/sign-in?") ? (await import("./sign_in_link.js")).takeLink() : null;
  if (link?.needsClick) return signOut({ given: link.token });
  if (link) session.begin(link.token, { stays: true });
  main.setAttribute("aria-busy", "true");
  if (!session.token) await takeOver();
  if (!session.token) return signOut();
  prefetch();
  try {
    const { items } = await get("/organizations");
    if (!items.length) return signOut({ why: "This token has no access to any organization." });
    signedIn(items);
  } catch (error) {
    if (error.status === 401) return;
    later(error);
  }
}

/** A short outage, of the server or of Codegen, does not require signing in again. */
function later(error) {
  main.removeAttribute("aria-busy");
  main.replaceChildren(state("error", error.message));
  connection.addEventListener("again", begin, { once: true });
  if (!(error instanceof Unreachable)) connection.retry();
}

document.querySelector(".home").prepend(mark());
chooser.addEventListener("change", () => {
  session.organization = Number(chooser.value);
  forgetRuns();
  followStars();
  if (location.hash === "#/runs") route();
  else location.hash = "#/runs";
});
document.getElementById("sign-out").addEventListener("click", () => {
  session.forget();
  signOut();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  // The URL's fragment names a view, not an element.
  event.preventDefault();
  main.focus();
});
refusals.addEventListener("refused", () => {
  // The form says itself that what was typed is not valid.
  if (session.token && !main.querySelector(".sign-in")) signOut({ why: EXPIRED });
});
share(() => signOut({ why: "You signed out in another tab." }));
addEventListener("hashchange", () => {
  if (location.hash.startsWith("#/sign-in?")) begin();
  else if (!nav.hidden) route();
});
begin();
