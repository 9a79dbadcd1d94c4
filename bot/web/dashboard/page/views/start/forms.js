// What can be started, as data: fields are named as the API names them, and said as the commands say them.

import { org } from "../../api.js";
import { session } from "../../session.js";
import { count } from "../../words.js";

/** The commands ask for a second word from here on too, where no repository says otherwise. */
const MANY = 5;

const PROMPT = { name: "prompt", label: "Prompt", control: "long", hint: "What the agent is to do." };
const REPOSITORY = {
  name: "repo_id",
  label: "Repository",
  control: "repository",
  none: "Codegen finds it from the prompt",
};
const MODEL = { name: "model", label: "Model", hint: "As Codegen names it, without blanks; empty: the organization's own.", more: true };
const NOTED = "From 0 to 2. Codegen has no such setting: it is noted with the run.";
const ATTEMPTS = 3;

/**
 * Each kind: the command that does the same, where it is posted, its fields, and where one sees what was started.
 * A field: `control` is "line" where nothing is said; `keep` names what it shares with other kinds; `more` folds it.
 */
export const FORMS = {
  run: {
    label: "Run",
    about: "Starts an agent.",
    verb: "Start the run",
    path: () => org("/agent/run"),
    fields: [
      PROMPT,
      REPOSITORY,
      MODEL,
      { name: "agent_type", label: "Agent type", control: "choice", none: "The organization's own", choices: ["codegen", "claude_code"], more: true },
      { name: "temperature", label: "Temperature", control: "number", usual: "0.7", hint: NOTED, more: true },
      { name: "images", label: "Images", control: "images", hint: "Up to ten for the agent to look at.", more: true },
    ],
    told: ({ id }) => ({ sentence: `Run ${id} is started.`, address: `#/runs/${id}` }),
  },
  "multi-run": {
    label: "Multi-run",
    about: "Lets several agents try the same, then one more makes the best of it.",
    verb: "Start the multi-run",
    path: () => org("/multi-run"),
    fields: [
      { ...PROMPT, hint: "What each of the agents is to do." },
      { name: "concurrency", label: "Attempts", control: "number", usual: String(ATTEMPTS), hint: "How many agents, 1 to 20." },
      REPOSITORY,
      { name: "synthesis_prompt", label: "Synthesis prompt", control: "long", hint: "What the last agent is told besides.", more: true },
      MODEL,
      { name: "temperature", label: "Temperature", control: "number", usual: "0.7", hint: NOTED, more: true },
      { name: "synthesis_temperature", label: "The synthesis's temperature", control: "number", usual: "0.2", hint: NOTED, more: true },
      { name: "timeout", label: "Timeout", control: "number", usual: "600", hint: "Seconds for all attempts together.", more: true },
    ],
    foresees: ({ concurrency = ATTEMPTS }) => runsOf(Number(concurrency)),
    asksAbove: ({ concurrency = ATTEMPTS }) => Number(concurrency) > MANY,
    told: ({ id }) => ({ sentence: "The multi-run is accepted.", address: `#/multi-runs/${id}` }),
  },
  "analyze-logs": {
    label: "Analyze logs",
    about: "Has the logs of a sandbox's set-up explained, or logs that you paste: one of both.",
    verb: "Analyze",
    path: () => "/sandbox/analyze-logs",
    fixed: () => ({ org_id: session.organization }),
    fields: [
      { name: "sandbox_id", label: "Sandbox", control: "number", hint: "Codegen's number of it." },
      { name: "logs", label: "Logs", control: "long", hint: "What looks like a secret is taken out before they are sent on." },
      { name: "context", label: "Context", control: "long", hint: "Told with the logs; Codegen takes none with a sandbox.", more: true },
    ],
    told: ({ id }) => ({ sentence: `Run ${id} analyzes the logs.`, address: `#/runs/${id}` }),
  },
  "setup-commands": {
    label: "Set-up commands",
    about: "Has Codegen generate a repository's setup commands.",
    verb: "Generate set-up commands",
    path: () => "/setup-commands",
    fixed: () => ({ org_id: session.organization }),
    fields: [
      { ...REPOSITORY, none: "Choose one" },
      { name: "prompt", keep: "setup_prompt", label: "Prompt", control: "long", hint: "What is special about it; may be left empty." },
      { name: "language", label: "Language", more: true },
      { name: "framework", label: "Framework", more: true },
      { name: "additional_info", label: "More about it", control: "long", more: true },
    ],
    told: ({ id }) => ({ sentence: `Run ${id} works the set-up commands out.`, address: `#/runs/${id}` }),
  },
};

/** How many runs so many attempts will be; empty where that is no number of attempts. */
function runsOf(attempts) {
  if (!Number.isInteger(attempts) || attempts < 1) return "";
  if (attempts === 1) return "This starts 1 agent run; of a single attempt there is nothing to put together.";
  return `This starts up to ${count(attempts + 1, "agent run")}: ${count(attempts, "attempt")}, then a synthesis of those that succeed.`;
}
