// The rows of a config's settings.

import { h } from "../../dom.js";

export function settingRow({ name, value, is_usual: isUsual }) {
  return h(
    "tr",
    { class: isUsual ? null : "own" },
    h("th", { scope: "row" }, h("code", {}, name), !isUsual && h("strong", {}, "set here")),
    h("td", {}, ...valueOf(value)),
  );
}

function valueOf(value) {
  if (value === null) return [h("span.quiet", {}, "not set")];
  if (Array.isArray(value)) return value.length ? value.map((each) => h("div", {}, h("code", {}, String(each)))) : [h("span.quiet", {}, "none")];
  if (typeof value !== "object") return [h("code", {}, String(value))];
  return Object.entries(value)
    .filter(([, each]) => each !== null && each !== "")
    .map(([key, each]) => h("div", {}, h("span.quiet", {}, `${key}: `), String(each)));
}
