// Links that sign in, as the demo prints them: `#/sign-in?token=...&to=...`. A fragment stays in the browser; the token is
// removed from the address at once. Only a server on this machine is entered without a click: elsewhere such a link could
// sign people in as somebody else.

const PATH = "#/sign-in?";
const LOCAL = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** The link's token, and whether a click is needed; null if the address is no such link. */
export function takeLink() {
  if (!location.hash.startsWith(PATH)) return null;
  const given = new URLSearchParams(location.hash.slice(PATH.length));
  const to = given.get("to") ?? "";
  history.replaceState(null, "", to.startsWith("#/") ? to : "#/runs");
  const token = (given.get("token") ?? "").trim();
  return token && { token, needsClick: !LOCAL.test(location.hostname) };
}
