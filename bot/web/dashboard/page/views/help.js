// The commands, who may use them, and a repository's effective config.

import { get, org, query } from "../api.js";
import { button, h, icon, skeleton, state } from "../dom.js";
import { offer, repositories } from "../repositories.js";
import { go } from "../router.js";
import { count } from "../words.js";
import { commandTable } from "./help/commands.js";
import { settingRow } from "./help/settings.js";

export function show(root, place, signal) {
  const search = h("input", { id: "help-search", type: "search", "aria-label": "Search", placeholder: "Search commands and settings", autocomplete: "off", spellcheck: "false", on: { input: filter } });
  const repository = h("select", { id: "help-repository", "aria-label": "Repository", on: { change: () => load() } }, h("option", { value: "" }, "Default config"));
  const found = h("p.hint", { role: "status" });
  const problems = h("div", {});
  let command = place.query.get("command") || "";
  const commands = commandTable({ select, signal });
  const onlyOwn = h("input", { type: "checkbox", id: "help-own", on: { change: filter } });
  const settings = h("tbody", {});
  const nothing = h("p.quiet", { hidden: true }, "All settings have their default values.");
  const configHead = h("h2", { id: "help-config", tabindex: -1 }, "Config");
  const own = h("p.own-settings", {});
  const body = h(
    "div",
    { hidden: true },
    problems,
    own,
    h("section", { "aria-labelledby": "help-commands" }, h("h2", { id: "help-commands" }, "Commands"), h("p.hint", {}, "A command starts a line of a comment. The text after it, up to the next command, is the prompt."), commands.element),
    h(
      "section",
      { "aria-labelledby": "help-config" },
      configHead,
      h("p.hint", {}, "The effective config, from ", h("code", {}, ".github/codegen-bot.yml"), " on the default branch, or from the organization's ", h("code", {}, ".github"), " repository."),
      h("p", {}, h("label.check", {}, onlyOwn, "Only settings that differ from the default")),
      h("div.wide", { tabindex: 0, role: "region", "aria-label": "Config" }, h("table.settings", {}, h("thead", {}, h("tr", {}, ...["Setting", "Value"].map((each) => h("th", { scope: "col" }, each)))), settings)),
      nothing,
    ),
  );
  const waiting = h("div", {}, skeleton("Loading the commands …", ["title", "", "", "", "", "short"]));
  let loading = new AbortController();
  let shown = [];
  let all = [];

  const page = h(
    "div.help",
    {},
    h("div.page-top", {}, h("h1", {}, "Help")),
    h("div.asks", {}, h("div.search-box", {}, icon("search"), search), repository),
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
      if (!signal.aborted) found.textContent = `The repositories could not be loaded: ${error.message}`;
    }
  }

  function address(name = repository.value) {
    return query("#/help", { repository: name, command });
  }

  function select(name) {
    command = name;
    go(address(), { replace: true });
  }

  /** The previous content stays until the response arrives, so that nothing jumps. */
  async function load(name = repository.value) {
    loading.abort();
    const mine = (loading = new AbortController());
    go(address(name), { replace: true });
    body.setAttribute("aria-busy", "true");
    try {
      const help = await get(query(org("/help"), { repository: name }), { signal: AbortSignal.any([signal, mine.signal]) });
      update(help);
    } catch (error) {
      if (signal.aborted || mine.signal.aborted) return;
      body.hidden = true;
      waiting.replaceChildren(state("error", error.message));
    }
    body.removeAttribute("aria-busy");
  }

  function update(help) {
    waiting.replaceChildren();
    body.hidden = false;
    problems.replaceChildren(...(help.problems.length ? [wrong(help.problems)] : []));
    const differing = help.config.filter((each) => !each.is_usual).length;
    own.replaceChildren(differing ? `${count(differing, "setting")} of the config ${differing === 1 ? "differs" : "differ"} from the default. ` : "All settings of the config have their default values. ", button("To the config", toConfig, { class: "plain" }));
    all = help.commands;
    commands.update(all);
    commands.show(command);
    shown = help.config.map((each) => ({ element: settingRow(each), text: textOf(each), isUsual: each.is_usual }));
    settings.replaceChildren(...shown.map(({ element }) => element));
    filter();
  }

  function toConfig() {
    configHead.scrollIntoView();
    configHead.focus();
  }

  /** Shows what contains all words of the search. */
  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (text) => words.every((word) => text.includes(word));
    const foundCommands = commands.filter((each) => fits(textOf(each)));
    for (const each of shown) each.element.hidden = !fits(each.text) || (onlyOwn.checked && each.isUsual);
    const foundSettings = shown.filter(({ element }) => !element.hidden).length;
    nothing.hidden = !onlyOwn.checked || words.length > 0 || foundSettings > 0;
    found.textContent = words.length ? `${count(foundCommands, "command")} and ${count(foundSettings, "setting")} found.` : "";
  }
}

function wrong(problems) {
  return h("div.state.error", { role: "alert" }, h("p", {}, "The config file is invalid and is ignored; the default config applies."), h("ul", {}, ...problems.map((each) => h("li", {}, each))));
}

function textOf(each) {
  return JSON.stringify(Object.values(each)).toLowerCase();
}
