// The session: the token and the organization, stored until the tab is closed, or on the device if the user wants that.
// Tabs of the same server hand it over to each other. The token is never part of a URL that is sent anywhere.

const TOKEN = "codegen-bot.token";
const ORGANIZATION = "codegen-bot.organization";

/** Whoever is signed in, as an author in the URL. */
export const ME = "@me";

/** Milliseconds for other tabs to respond. */
const PATIENCE = 200;

let login = "";
let tellLogin = () => {};

const channel = new BroadcastChannel("codegen-bot.session");

export const session = {
  /** Resolves when it has been tried to find out who is signed in. */
  known: Promise.resolve(),
  /** The GitHub name of who is signed in; empty if unknown. */
  get login() {
    return login;
  },
  set login(value) {
    login = value;
    tellLogin();
  },
  get token() {
    return sessionStorage.getItem(TOKEN) ?? localStorage.getItem(TOKEN);
  },
  /** Whether the token stays on the device. */
  get stays() {
    return localStorage.getItem(TOKEN) !== null;
  },
  /** @param {{stays: boolean}} options `stays`: also when the browser is closed */
  begin(token, { stays }) {
    login = "";
    sessionStorage.setItem(TOKEN, token);
    if (stays) localStorage.setItem(TOKEN, token);
    else localStorage.removeItem(TOKEN);
  },
  /** The organization's number; null if none is selected. */
  get organization() {
    const chosen = sessionStorage.getItem(ORGANIZATION);
    return chosen === null ? null : Number(chosen);
  },
  set organization(value) {
    sessionStorage.setItem(ORGANIZATION, String(value));
  },
  /** Signing out deletes everything, in all tabs of the same user. */
  forget() {
    channel.postMessage({ ended: session.token });
    session.end();
    sessionStorage.clear();
  },
  /** For a rejected token: drafts stay. */
  end() {
    login = "";
    if (localStorage.getItem(TOKEN) === session.token) localStorage.removeItem(TOKEN);
    sessionStorage.removeItem(TOKEN);
    sessionStorage.removeItem(ORGANIZATION);
  },
};

/** Starts to wait for the name of who is signed in. */
export function awaitLogin() {
  session.known = new Promise((resolve) => (tellLogin = resolve));
}

/** Takes over another tab's session, if there is one; resolves after a moment at most. */
export function takeOver() {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      channel.removeEventListener("message", receive);
      resolve();
    };
    const receive = ({ data }) => {
      if (!data.token) return;
      sessionStorage.setItem(TOKEN, data.token);
      if (data.organization !== null) session.organization = data.organization;
      done();
    };
    const timer = setTimeout(done, PATIENCE);
    channel.addEventListener("message", receive);
    channel.postMessage({ isAsking: true });
  });
}

/** Hands the session over to tabs that ask for it; `ended` is called when another tab has signed the same user out. */
export function share(ended) {
  channel.addEventListener("message", ({ data }) => {
    const { token, organization } = session;
    if (data.isAsking && token && session.login) channel.postMessage({ token, organization });
    if (data.ended && data.ended === token) {
      session.end();
      sessionStorage.clear();
      ended();
    }
  });
}
