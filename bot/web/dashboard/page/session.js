// Who is signed in: the token and the organization, for as long as the browser's tab lives. Neither is ever in an address.

const TOKEN = "codegen-bot.token";
const ORGANIZATION = "codegen-bot.organization";

export const session = {
  get token() {
    return sessionStorage.getItem(TOKEN);
  },
  set token(value) {
    sessionStorage.setItem(TOKEN, value);
  },
  /** The organization's number; null where none is chosen. */
  get organization() {
    const chosen = sessionStorage.getItem(ORGANIZATION);
    return chosen === null ? null : Number(chosen);
  },
  set organization(value) {
    sessionStorage.setItem(ORGANIZATION, String(value));
  },
  /** Whoever signs out leaves nothing behind for the next one; a token that is not taken any more ends less. */
  forget() {
    sessionStorage.clear();
  },
  end() {
    sessionStorage.removeItem(TOKEN);
    sessionStorage.removeItem(ORGANIZATION);
  },
};
