// A form's fields: label, control, hint, and a place for what the API says of it.

import { h } from "../../dom.js";
import { draft } from "./draft.js";

/**
 * A field as described in forms.js.
 * @returns {{element: Element, control: Element, field: object, value: () => Promise<any>, mark: (message: string) => void}}
 *   `value` is undefined where nothing was given; `mark` says what is wrong with it, or with "" that nothing is
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
  function mark(message) {
    problem.textContent = message;
    if (message) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }
  const head = h("label", { for: id }, label);
  const element = h("div.field", {}, head, control, hint && h("p.hint", { id: `${id}-hint` }, hint), problem);
  return { element, control, field, mark, value: () => valueOf(field, control) };
}

function controlOf(field, attributes) {
  switch (field.control) {
    case "long":
      return h("textarea", { ...attributes, rows: 4 });
    case "number":
      // Not type=number: what is no number is told of by the API in its own words, and not thrown away by the browser.
      return h("input", { ...attributes, inputmode: "decimal", placeholder: field.usual });
    case "repository":
      return h("select", attributes, h("option", { value: "" }, field.none));
    case "choice":
      return h("select", attributes, h("option", { value: "" }, field.none), ...field.choices.map((each) => h("option", { value: each }, each)));
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
