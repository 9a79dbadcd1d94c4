// Creates elements from data. Text is always inserted as text: nothing on the page parses a string as HTML.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element.
 * @param {string} name the tag with its classes: "p.state"
 * @param {object} attributes `on`: listeners by event; `data`: data-* attributes; `false` and `null` omit an attribute
 * @param {...(Node|string|number|null|false)} children
 */
export function h(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  return fill(document.createElement(tag), classes, attributes, children);
}

/** The same for SVG. */
export function svg(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  return fill(document.createElementNS(SVG, tag), classes, attributes, children);
}

function fill(element, classes, { on = {}, data = {}, ...attributes }, children) {
  if (classes.length) element.classList.add(...classes);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (value === true) element.setAttribute(key, "");
    else element.setAttribute(key, String(value));
  }
  for (const [key, value] of Object.entries(data)) element.dataset[key] = value;
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  // One by one: a text may have more parts than a function takes arguments.
  for (const child of children.flat(Infinity)) if (child !== null && child !== false && child !== undefined) element.append(child);
  return element;
}

/** The product's mark, as in icon.svg. */
export function mark() {
  const line = { fill: "none", stroke: "#fff", "stroke-width": 1.8 };
  return svg(
    "svg.mark",
    { viewBox: "0 0 24 24", "aria-hidden": "true" },
    svg("rect", { width: 24, height: 24, rx: 6, fill: "#5b3fd6" }),
    svg("path", { d: "M5.5 7.5 10 12l-4.5 4.5", ...line, "stroke-width": 2.2, "stroke-linecap": "round", "stroke-linejoin": "round" }),
    svg("path", { d: "M16.5 9.5v5", ...line }),
    svg("circle", { cx: 16.5, cy: 7.5, r: 2, fill: "#fff" }),
    svg("circle", { cx: 16.5, cy: 16.5, r: 2, ...line }),
  );
}

const ICONS = {
  search: "M11.2 11.2 14.5 14.5M12.5 7a5.5 5.5 0 1 1-11 0 5.5 5.5 0 0 1 11 0Z",
  filter: "M2 4h12M4.5 8h7M7 12h2",
  cross: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  star: "M8 1.9l1.85 3.9 4.25.56-3.1 2.960.77 4.230L8 11.5l-3.77 2.050.77-4.230-3.1-2.960 4.25-.56Z",
  copy: "M5.5 5.5V3A1 1 0 0 1 6.5 2H13a1 1 0 0 1 1 1v6.5a1 1 0 0 1-1 1h-2.5M3 5.5h6.5a1 1 0 0 1 1 1V13a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1V6.5a1 1 0 0 1 1-1Z",
  up: "M8 13V3.5M4 7l4-4 4 4",
  down: "M8 3v9.5M4 9l4 4 4-4",
};

/** A small picture beside words, or in a button that has a label. */
export function icon(name) {
  return svg(`svg.icon.icon-${name}`, { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
}

/** An external link if the URL is http or https, else its text alone. */
export function outside(address, ...words) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return h("span", {}, ...words);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") return h("span", {}, ...words);
  return h("a", { href: url.href, target: "_blank", rel: "noopener noreferrer" }, ...words);
}

const ADDRESS = /https?:\/\/[^\s<>"'`\\^{|}]+/g;

/** Text whose http and https URLs are links. */
export function linked(text) {
  const parts = [];
  let end = 0;
  for (const found of String(text).matchAll(ADDRESS)) {
    const address = found[0].replace(/[.,;:!?)\]]+$/, "");
    parts.push(text.slice(end, found.index), outside(address, address));
    end = found.index + address.length;
  }
  parts.push(String(text).slice(end));
  return parts.filter((part) => part !== "");
}

/** A line whose parts in backticks are code. */
export function coded(line) {
  const parts = line.split("`");
  // A single backtick is just that.
  if (parts.length % 2 === 0) parts.push(`\`${parts.pop()}`);
  return parts.map((part, index) => (index % 2 && index < parts.length - 1 ? h("code", {}, part) : part)).filter((part) => part !== "");
}

/** A placeholder for content that is loading, empty or failed. */
export function state(kind, sentence, ...more) {
  const attributes = kind === "error" ? { role: "alert" } : { role: "status" };
  return h(`div.state.${kind}`, attributes, h("p", {}, sentence), ...more);
}

/**
 * Bars in the place of text that is loading.
 * @param {string} sentence for screen readers
 * @param {string[]} lines of each bar its class: "", "title", "short", "block"
 */
export function skeleton(sentence, lines = ["title", "", "", "short"]) {
  const bars = lines.map((each) => h(`span.skeleton${each && `.${each}`}`, { "aria-hidden": "true" }));
  return h("div.state.loading", { role: "status" }, h("span.unseen", {}, sentence), ...bars);
}

/** A button that does not submit a form. */
export function button(words, click, attributes = {}) {
  return h("button", { type: "button", ...attributes, on: { click } }, words);
}
