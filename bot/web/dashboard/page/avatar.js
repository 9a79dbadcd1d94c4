// People, as initials on a colour of their own: pictures of other servers would tell those who looks at which run.

import { h } from "./dom.js";

const HUES = 8;

/** The initials alone; the name has to be near. */
export function avatar(login, { large = false } = {}) {
  const hue = [...login.toLowerCase()].reduce((sum, sign) => (sum * 31 + sign.codePointAt(0)) % 9973, 7) % HUES;
  return h(`span.avatar.hue-${hue}${large ? ".large" : ""}`, { "aria-hidden": "true" }, initials(login));
}

/** The initials and the name. */
export function person(login) {
  return h("span.person", { title: login }, avatar(login), h("span", {}, login));
}

/** "AM" of "alice-miller", "AL" of "alice". */
function initials(login) {
  const [first = "?", second] = login.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  return second ? [...first][0] + [...second][0] : [...first].slice(0, 2).join("");
}
