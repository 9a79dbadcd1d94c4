// The forms as data; fields are named as in the API.

import { org } from "../../api.js";
import { session } from "../../session.js";
import { count } from "../../words.js";

/** Above so many attempts, a confirmation is requested; the commands' default as well. */
const MANY = 5;

const PROMPT = { name: "prompt", label: "Prompt", control: "long", rows: 6, hint: "The task for the agent. Ctrl+Enter starts it.", required: "Enter a prompt." };
const REPOSITORY = {
  name: "repo_id",
  label: "Repository",
  control: "repository",
  none: "Determined from the prompt",
};
const MODEL = { name: "model", label: "Model", hint: "Empty: the default of the organization or the agent.", more: true, pattern: /^\S+$/, message: "A model's name contains no spaces." };
const ATTEMPTS = 3;

/**
 * Each form: the API's path, its fields, and the page to show after the start. A field: `control` is "line" by default;
 * `keep` names the draft that it shares with other forms; `more` puts it into the collapsible part; `required` is the
 * message if it is empty; `pattern` with its `message`, or `from` and `to`, are what fits. `missing`: what is wrong with
 * the values together.
 */
export const FORMS = {
  run: {
    label: "Run",
    about: "Starts an agent on one task.",
    verb: "Start the run",
    path: () => org("/agent/run"),
    fields: [
      PROMPT,
      REPOSITORY,
      MODEL,
      { name: "agent_type", label: "Agent type", hint: "codegen or claude_code, or the name of one of the server's own agents; empty for the default.", more: true },
      { name: "images", label: "Images", control: "images", hint: "Up to ten for the agent to look at.", more: true },
    ],
    started: ({ id }) => ({ sentence: `Run ${id} started.`, address: `#/runs/${id}` }),
  },
  "multi-run": {
    label: "Multi-run",
    about: "Starts several agents on the same task, then combines the best of their results.",
    verb: "Start the multi-run",
    path: () => org("/multi-run"),
    fields: [
      { ...PROMPT, hint: "The task for each agent." },
      { name: "concurrency", label: "Attempts", control: "number", usual: String(ATTEMPTS), hint: "How many agents, 1 to 20.", from: 1, to: 20 },
      REPOSITORY,
      { name: "synthesis_prompt", label: "Synthesis prompt", control: "long", hint: "Additional instructions for the last agent.", more: true },
      MODEL,
      { name: "timeout", label: "Timeout", control: "number", usual: "600", hint: "Seconds for all attempts together.", more: true, from: 1 },
    ],
    foresees: ({ concurrency = ATTEMPTS }) => runsOf(Number(concurrency)),
    asksAbove: ({ concurrency = ATTEMPTS }) => Number(concurrency) > MANY,
    started: ({ id }) => ({ sentence: "The multi-run was accepted.", address: `#/multi-runs/${id}` }),
  },
  "analyze-logs": {
    label: "Analyze logs",
    about: "Explains the set-up logs of a sandbox, or logs that you paste.",
    verb: "Analyze logs",
    path: () => "/sandbox/analyze-logs",
    fixed: () => ({ org_id: session.organization }),
    missing: ({ sandbox_id: sandbox, logs }) => {
      if (sandbox && logs) return { field: "logs", message: "Give either a sandbox or logs, not both." };
      return sandbox || logs ? null : { field: "sandbox_id", message: "Enter a sandbox's number, or paste logs." };
    },
    fields: [
      { name: "sandbox_id", label: "Sandbox", control: "number", hint: "The sandbox's number.", from: 1 },
      { name: "logs", label: "Logs", control: "long", hint: "Secrets are redacted before the logs are sent on." },
      { name: "context", label: "Context", control: "long", hint: "Sent with the logs; not possible with a sandbox.", more: true },
    ],
    started: ({ id }) => ({ sentence: `Run ${id} analyzes the logs.`, address: `#/runs/${id}` }),
  },
  "setup-commands": {
    label: "Set-up commands",
    about: "Generates a repository's set-up commands.",
    verb: "Generate set-up commands",
    path: () => "/setup-commands",
    fixed: () => ({ org_id: session.organization }),
    fields: [
      { ...REPOSITORY, none: "Choose one", required: "Choose a repository." },
      { name: "prompt", keep: "setup_prompt", label: "Prompt", control: "long", hint: "Special requirements (optional)." },
      { name: "language", label: "Language", more: true },
      { name: "framework", label: "Framework", more: true },
      { name: "additional_info", label: "Additional information", control: "long", more: true },
    ],
    started: ({ id }) => ({ sentence: `Run ${id} generates the set-up commands.`, address: `#/runs/${id}` }),
  },
};

/** The number of runs that the attempts cause; empty if it is no valid number. */
function runsOf(attempts) {
  if (!Number.isInteger(attempts) || attempts < 1) return "";
  if (attempts === 1) return "This starts 1 agent run; a single attempt has no synthesis.";
  return `This starts up to ${count(attempts + 1, "agent run")}: ${count(attempts, "attempt")}, then a synthesis of the successful ones.`;
}
