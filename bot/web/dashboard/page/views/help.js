// What can be said in a comment, by whom, and what holds in a repository.

import { get, org, query } from "../api.js";
import { button, h, state } from "../dom.js";
import { offer, repositories } from "../repositories.js";
import { go } from "../router.js";
import { count } from "../words.js";
import { commandCard, settingRow } from "./help/parts.js";

export function show(root, place, signal) {
  const search = h("input", { id: "help-search", type: "search", autocomplete: "off", spellcheck: "false", on: { input: sift } });
  const repository = h("select", { id: "help-repository", on: { change: () => load() } }, h("option", { value: "" }, "Where no file says anything"));
  const found = h("p.hint", { role: "status" });
  const problems = h("div", {});
  const commands = h("ul.commands", {});
  const onlyOwn = h("input", { type: "checkbox", id: "help-own", on: { change: sift } });
  const settings = h("tbody", {});
  const nothing = h("p.quiet", { hidden: true }, "Nothing differs from the usual here.");
  const configHead = h("h2", { id: "help-config", tabindex: -1 }, "Config");
  const own = h("p.own-settings", {});
  const body = h(
    "div",
    { hidden: true },
    problems,
    own,
    h("section", { "aria-labelledby": "help-commands" }, h("h2", { id: "help-commands" }, "Commands"), h("p.hint", {}, "A command starts a line of a comment; what follows it is the prompt, up to the next command."), commands),
    h(
      "section",
      { "aria-labelledby": "help-config" },
      configHead,
      h("p.hint", {}, "What holds, from ", h("code", {}, ".github/codegen-bot.yml"), " on the default branch, or from the organization's ", h("code", {}, ".github"), " repository."),
      h("p", {}, h("label.check", {}, onlyOwn, " Only what differs from the usual")),
      h("div.wide", { tabindex: 0, role: "region", "aria-label": "Config" }, h("table.settings", {}, h("thead", {}, h("tr", {}, ...["Setting", "Value"].map((each) => h("th", { scope: "col" }, each)))), settings)),
      nothing,
    ),
  );
  const waiting = h("div", {}, state("loading", "Loading …"));
  let asking = new AbortController();
  let shown = [];

  const page = h(
    "div.help",
    {},
    h("h1", {}, "Help"),
    h("div.asks", {}, h("div", {}, h("label", { for: "help-search" }, "Search"), search), h("div", {}, h("label", { for: "help-repository" }, "Repository"), repository)),
    found,
    waiting,
    body,
  );
  root.replaceChildren(page);
  const wanted = place.query.get("repository") || "";
  begin();

  async function begin() {
    load(wanted);
    try {
      offer(repository, await repositories(signal), { valueOf: (each) => each.full_name, chosen: wanted });
    } catch (error) {
      if (!signal.aborted) found.textContent = `The repositories are not known: ${error.message}`;
    }
  }

  /** What was shown before stays until the answer is there: nothing jumps. */
  async function load(name = repository.value) {
    asking.abort();
    const mine = (asking = new AbortController());
    go(query("#/help", { repository: name }), { replace: true });
    body.setAttribute("aria-busy", "true");
    try {
      const help = await get(query(org("/help"), { repository: name }), { signal: AbortSignal.any([signal, mine.signal]) });
      tell(help);
    } catch (error) {
      if (signal.aborted || mine.signal.aborted) return;
      body.hidden = true;
      waiting.replaceChildren(state("error", error.message));
    }
    body.removeAttribute("aria-busy");
  }

  function tell(help) {
    waiting.replaceChildren();
    body.hidden = false;
    problems.replaceChildren(...(help.problems.length ? [wrong(help.problems)] : []));
    const differing = help.config.filter((each) => !each.is_usual).length;
    own.replaceChildren(differing ? `${count(differing, "setting")} of the config ${differing === 1 ? "differs" : "differ"} from the usual. ` : "All settings of the config are the usual ones. ", button("To the config", toConfig));
    const cards = help.commands.map((each) => ({ element: commandCard(each), text: textOf(each), kind: "command" }));
    const rows = help.config.map((each) => ({ element: settingRow(each), text: textOf(each), kind: "setting", isUsual: each.is_usual }));
    commands.replaceChildren(...cards.map(({ element }) => element));
    settings.replaceChildren(...rows.map(({ element }) => element));
    shown = [...cards, ...rows];
    sift();
  }

  function toConfig() {
    configHead.scrollIntoView();
    configHead.focus();
  }

  /** Shows what has all words that are searched for. */
  function sift() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const each of shown) {
      const isSought = words.every((word) => each.text.includes(word));
      each.element.hidden = !isSought || (each.kind === "setting" && onlyOwn.checked && each.isUsual);
    }
    const left = (kind) => shown.filter((each) => each.kind === kind && !each.element.hidden).length;
    nothing.hidden = !onlyOwn.checked || words.length > 0 || left("setting") > 0;
    found.textContent = words.length ? `${count(left("command"), "command")} and ${count(left("setting"), "setting")} found.` : "";
  }
}

function wrong(problems) {
  return h("div.state.error", { role: "alert" }, h("p", {}, "The config file is wrong and is passed over; the usual holds."), h("ul", {}, ...problems.map((each) => h("li", {}, each))));
}

function textOf(each) {
  return JSON.stringify(Object.values(each)).toLowerCase();
}
