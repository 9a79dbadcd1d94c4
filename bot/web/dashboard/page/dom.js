// Elements from data. Text goes in as text: nothing here, and nothing else on the page, makes HTML of a string.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element.
 * @param {string} name of the tag, with classes behind dots: "p.state"
 * @param {object} attributes `on` holds listeners by event, `data` what becomes data-*, `false` and `null` leave one out
 * @param {...(Node|string|number|null|false)} children
 */
export function h(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  return furnish(document.createElement(tag), classes, attributes, children);
}

/** The same for SVG. */
export function svg(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  return furnish(document.createElementNS(SVG, tag), classes, attributes, children);
}

function furnish(element, classes, { on = {}, data = {}, ...attributes }, children) {
  if (classes.length) element.classList.add(...classes);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (value === true) element.setAttribute(key, "");
    else element.setAttribute(key, String(value));
  }
  for (const [key, value] of Object.entries(data)) element.dataset[key] = value;
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== false && child !== undefined));
  return element;
}

/** A link to somewhere else, where the address is one of http or https; else only its words. */
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

/** Text in which addresses of http and https can be followed; everything else stays text. */
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

/** What is shown instead of something: while it loads, where there is nothing, where it failed. */
export function state(kind, sentence, ...more) {
  const attributes = kind === "error" ? { role: "alert" } : { role: "status" };
  return h(`div.state.${kind}`, attributes, h("p", {}, sentence), ...more);
}

/** A button that says what it does, and does not submit anything. */
export function button(words, click, attributes = {}) {
  return h("button", { type: "button", ...attributes, on: { click } }, words);
}
