// A form's fields: label, control, hint, and the API's error message.

import { h } from "../../dom.js";
import { draft } from "./draft.js";

/**
 * A field as described in forms.js.
 * @returns {{element: Element, control: Element, field: object, value: () => Promise<any>, check: () => string, mark: (message: string) => void}}
 *   `value` is undefined if the field is empty; `check` returns what is wrong
 *   with it, if anything; `mark` shows an error message, or removes it if empty
 */
export function made(field) {
  const { name, keep = name, label, hint } = field;
  const id = `new-${name}`;
  const problem = h("p.problem", { id: `${id}-problem` });
  const described = [hint && `${id}-hint`, `${id}-problem`].filter(Boolean).join(" ");
  const control = controlOf(field, { id, name, "aria-describedby": described, autocomplete: "off" });
  if (field.control !== "images") {
    control.value = draft.value(keep);
    control.addEventListener("input", () => draft.keep(keep, control.value));
  }
  control.addEventListener("input", () => mark(""));
  function mark(message) {
    problem.textContent = message;
    if (message) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }
  const head = h("label", { for: id }, label, !field.required && h("span.quiet", {}, " (optional)"));
  const element = h("div.field", {}, head, control, hint && h("p.hint", { id: `${id}-hint` }, hint), problem);
  return { element, control, field, mark, check: () => checked(field, control), value: () => valueOf(field, control) };
}

function checked({ required = "", pattern, message, control: kind, from, to }, control) {
  const text = control.value.trim();
  if (text === "") return required;
  if (pattern && !pattern.test(text)) return message;
  if (kind !== "number") return "";
  const fits = /^\d+$/.test(text) && Number(text) >= from && Number(text) <= (to ?? Infinity);
  if (fits) return "";
  return to ? `Enter a whole number from ${from} to ${to}.` : "Enter a whole number.";
}

function controlOf(field, attributes) {
  switch (field.control) {
    case "long":
      return h("textarea", { ...attributes, rows: field.rows ?? 4 });
    case "number":
      // Not type=number: the browser would discard invalid input, while the API explains the error.
      return h("input", { ...attributes, inputmode: "numeric", placeholder: field.usual });
    case "repository":
      return h("select", attributes, h("option", { value: "" }, field.none));
    case "images":
      return h("input", { ...attributes, type: "file", accept: "image/*", multiple: true });
    default:
      return h("input", { ...attributes, spellcheck: "false" });
  }
}

async function valueOf(field, control) {
  if (field.control === "images") return control.files.length ? Promise.all([...control.files].map(asAddress)) : undefined;
  const text = control.value.trim();
  if (text === "") return undefined;
  if (field.control !== "number" && field.control !== "repository") return text;
  return Number.isFinite(Number(text)) ? Number(text) : text;
}

function asAddress(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", () => reject(new Error(`${file.name} cannot be read.`)));
    reader.readAsDataURL(file);
  });
}
