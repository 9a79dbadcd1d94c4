// Sends requests from the page of the API's description. Everything else on the page works without this script.

import { session, takeOver } from "/dashboard/session.js";

const LONGEST = 100_000;

let fields = 0;
const token = field("Token, for the requests from this page", { type: "password", autocomplete: "off", spellcheck: "false" });
let organization = "1";

/** An element with attributes and children; text stays text. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function field(words, attributes = {}, name = "input") {
  const input = make(name, { id: `field-${(fields += 1)}`, ...attributes });
  return { input, element: make("p", { class: "field" }, make("label", { for: input.id }, words), input) };
}

/** Opens what the address is about, which browsers do by themselves only in some cases. */
function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const around = target?.closest("details");
  if (!around) return;
  around.open = true;
  around.scrollIntoView({ block: "start" });
}

/** The form of an operation; made when it is opened. */
function trial(place) {
  const { method, path, query, body } = JSON.parse(place.dataset.trial);
  const names = [...path.matchAll(/{(\w+)}/g)].map(([, name]) => name);
  const parts = new Map(names.map((name) => [name, field(name, { required: "", value: name === "org_id" ? organization : "1" })]));
  const parameters = new Map(query.map((name) => [name, field(name)]));
  const text = body === null ? null : field("Body", { rows: 4, spellcheck: "false" }, "textarea");
  if (text) text.input.value = pretty(body);
  const status = make("p", { role: "status" });
  const response = make("pre", { tabindex: "0", hidden: "", "aria-label": "Response" });
  const send = make("button", { type: "submit" }, `Send ${method}`);
  const form = make("form", { class: "trial", "aria-label": `Try ${method} ${path}` }, make("h4", {}, "Try it"));
  form.append(make("div", { class: "fields" }, ...[...parts.values(), ...parameters.values()].map(({ element }) => element)));
  if (text) form.append(text.element, make("p", { class: "quiet" }, "This is a real request, with everything that it does."));
  form.append(make("p", {}, send), status, response);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const address = path.replace(/{(\w+)}/g, (_, name) => encodeURIComponent(parts.get(name).input.value));
    const given = [...parameters].map(([name, { input }]) => [name, input.value]).filter(([, value]) => value !== "");
    const url = given.length ? `${address}?${new URLSearchParams(given)}` : address;
    status.textContent = "Sending …";
    response.hidden = true;
    try {
      const headers = { ...(token.input.value && { Authorization: `Bearer ${token.input.value}` }), ...(text && { "Content-Type": "application/json" }) };
      const began = performance.now();
      const answer = await fetch(url, { method, headers, body: text?.input.value, cache: "no-store" });
      const content = await answer.text();
      status.textContent = `${answer.status} ${answer.statusText}, ${Math.round(performance.now() - began)} ms, ${method} ${url}`;
      response.textContent = pretty(content).slice(0, LONGEST);
      response.hidden = content === "";
    } catch (error) {
      status.textContent = `Not sent: ${error.message}`;
    }
  });
  return form;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

for (const details of document.querySelectorAll("details.operation")) {
  details.addEventListener("toggle", () => {
    const place = details.querySelector("[data-trial]");
    if (details.open && place && !place.querySelector(".trial")) place.lastElementChild.append(trial(place));
  });
}

addEventListener("hashchange", reveal);
const box = document.getElementById("token");
box.append(token.element);
box.hidden = false;
reveal();
if (!session.token) await takeOver();
token.input.value ||= session.token ?? "";
organization = String(session.organization ?? organization);
for (const each of document.querySelectorAll(".trial .fields input")) if (each.value === "1" && each.labels[0].textContent === "org_id") each.value = organization;
