"""The known coding agents, one row each: how they start, where their model is set, what distinguishes success from
failure.

`PRESETS` is the table; a new agent is a new row, and `preset` says what its fields mean. The facts are measured
(docs/agents.md names the versions), because few of them are documented and ACP leaves them open.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.agents.preset import Interface, Marks, ModelApi, Preset, ResultFile, Resume, UsageScope


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2)


_CODEX_CONFIG = """\
model = "{model}"
model_provider = "bot"
check_for_update_on_startup = false

[analytics]
enabled = false

[features]
plugins = false
apps = false
remote_plugin = false

[model_providers.bot]
name = "bot"
base_url = "{endpoint}"
env_key = "CODEX_MODEL_KEY"
wire_api = "responses"
request_max_retries = 2
stream_max_retries = 2
"""

_VIBE_CONFIG = """\
active_model = "bot"
enable_telemetry = false
enable_update_checks = false
enable_auto_update = false
enable_notifications = false
api_retry_max_elapsed_time = 30.0

[[providers]]
name = "bot"
api_base = "{endpoint}"
api_key_env_var = "VIBE_MODEL_KEY"
backend = "generic"

[[models]]
name = "{model}"
provider = "bot"
alias = "bot"
"""

_OPENCODE_CONFIG = {
    "model": "bot/{model}",
    "small_model": "bot/{model}",
    "autoupdate": False,
    "share": "disabled",
    # Excludes its makers' free service, which needs no key.
    "enabled_providers": ["bot"],
    "provider": {
        "bot": {
            "npm": "@ai-sdk/openai-compatible",
            "options": {"baseURL": "{endpoint}", "apiKey": "{key}"},
            # Otherwise it leaves images out: it does not find out what the model supports.
            "models": {
                "{model}": {
                    "name": "{model}",
                    "attachment": True,
                    "modalities": {"input": ["text", "image"], "output": ["text"]},
                },
            },
        },
    },
}

_GEMINI_SETTINGS = {
    "privacy": {"usageStatisticsEnabled": False},
    "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False, "maxAttempts": 3},
    "security": {"auth": {"selectedType": "gemini-api-key"}},
}

_QWEN_SETTINGS = {
    "privacy": {"usageStatisticsEnabled": False},
    "general": {"enableAutoUpdate": False},
    "ui": {"enableFollowupSuggestions": False},
    # Retries within each of its seven attempts: with the default, it never gives up on a failing model.
    "model": {"generationConfig": {"maxRetries": 0}},
    "memory": {"enableManagedAutoMemory": False, "enableManagedAutoDream": False},
    "security": {"auth": {"selectedType": "openai"}},
}

_CLINE_PROVIDERS = {
    "version": 1,
    "lastUsedProvider": "openai-compatible",
    "modes": {},
    "providers": {
        "openai-compatible": {
            "settings": {
                "provider": "openai-compatible",
                "apiKey": "{key}",
                "model": "{model}",
                "baseUrl": "{endpoint}",
            },
            "updatedAt": "2026-01-01T00:00:00.000Z",
            "tokenSource": "manual",
        },
    },
}

_OPENHANDS_SETTINGS = {
    "kind": "Agent",
    "llm": {"model": "openai/{model}", "api_key": "{key}", "base_url": "{endpoint}", "usage_id": "agent"},
    "tools": [{"name": "terminal"}, {"name": "file_editor"}, {"name": "task_tracker"}],
}

_ANTHROPIC_API = "https://api.anthropic.com"
_OPENAI_API = "https://api.openai.com/v1"
_GEMINI_API = "https://generativelanguage.googleapis.com"
_MISTRAL_API = "https://api.mistral.ai/v1"

_HTTP_STATUSES = {status: status for status in (400, 401, 403, 404, 429, 500, 502, 503, 504)}
"""For agents that use the model API's status as the code of their JSON-RPC error."""

_CLAUDE = Preset(
    name="claude",
    command=("claude-agent-acp",),
    install="npm install -g @agentclientprotocol/claude-agent-acp",
    api=ModelApi.ANTHROPIC,
    endpoint=_ANTHROPIC_API,
    key_variable="ANTHROPIC_API_KEY",
    needs_model=False,
    environment={
        "ANTHROPIC_BASE_URL": "{endpoint}",
        "ANTHROPIC_API_KEY": "{key}",
        "ANTHROPIC_MODEL": "{model}",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_RETRIES": "2",
        # Without it, the mode is refused if the agent runs as root, as it does in a container without user namespaces.
        "IS_SANDBOX": "1",
    },
    mode="bypassPermissions",
    resume=Resume.RESUME,
)

_CODEX = Preset(
    name="codex",
    command=("codex-acp",),
    install="npm install -g @agentclientprotocol/codex-acp",
    api=ModelApi.OPENAI,
    endpoint=_OPENAI_API,
    key_variable="OPENAI_API_KEY",
    environment={"CODEX_MODEL_KEY": "{key}"},
    files={".codex/config.toml": _CODEX_CONFIG},
    mode="agent-full-access",
    resume=Resume.RESUME,
    # A turn whose model failed ends like one that succeeded.
    marks=Marks(
        needs_usage=True,
        failed_update={"_meta.codex.threadStatus.type": "systemError"},
        error_codes={-32000: 401},
        notice_text=r"Warning: ",
    ),
)

_COPILOT = Preset(
    name="copilot",
    # The native program: its loader for npm looks for updates first.
    command=("copilot-linux-x64", "--acp"),
    install="npm install -g @github/copilot-linux-x64",
    api=ModelApi.OPENAI,
    endpoint=_OPENAI_API,
    key_variable="OPENAI_API_KEY",
    environment={
        "COPILOT_PROVIDER_BASE_URL": "{endpoint}",
        "COPILOT_PROVIDER_API_KEY": "{key}",
        "COPILOT_MODEL": "{model}",
        "COPILOT_ALLOW_ALL": "1",
        "COPILOT_OFFLINE": "true",
        "COPILOT_AUTO_UPDATE": "false",
    },
    options={"allow_all": "on"},
    resume=Resume.LOAD,
    # It reports no error at all: only its text and the missing usage say so.
    marks=Marks(needs_usage=True, error_text=r"Error: ", notice_text=r"Info: "),
)

_OPENCODE = Preset(
    name="opencode",
    command=("opencode", "acp"),
    install="npm install -g opencode-ai",
    api=ModelApi.OPENAI,
    endpoint=_OPENAI_API,
    key_variable="OPENAI_API_KEY",
    environment={
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
    },
    files={
        ".config/opencode/opencode.json": _json(_OPENCODE_CONFIG),
        # Without these two files, it installs a package for plugins beside its configuration.
        ".config/opencode/package-lock.json": _json({"packages": {"": {"dependencies": {"@opencode-ai/plugin": "*"}}}}),
        ".config/opencode/node_modules/.keep": "",
    },
    resume=Resume.RESUME,
    usage=UsageScope.LAST_CALL,
    marks=Marks(hides_cut_off=True),
)

_GEMINI = Preset(
    name="gemini",
    command=("gemini", "--acp", "--model", "{model}"),
    install="npm install -g @google/gemini-cli",
    api=ModelApi.GEMINI,
    endpoint=_GEMINI_API,
    key_variable="GEMINI_API_KEY",
    model="gemini-2.5-pro",
    environment={
        "GOOGLE_GEMINI_BASE_URL": "{endpoint}",
        "GEMINI_API_KEY": "{key}",
        "GEMINI_CLI_NO_RELAUNCH": "true",
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
    },
    files={".gemini/settings.json": _json(_GEMINI_SETTINGS)},
    mode="yolo",
    resume=Resume.LOAD,
    loses_young_sessions=True,
    # The code of its JSON-RPC error is the HTTP status.
    marks=Marks(error_codes=_HTTP_STATUSES, hides_cut_off=True),
)

_QWEN = Preset(
    name="qwen",
    command=("qwen", "--acp"),
    install="npm install -g @qwen-code/qwen-code",
    api=ModelApi.OPENAI,
    endpoint=_OPENAI_API,
    key_variable="OPENAI_API_KEY",
    environment={"OPENAI_BASE_URL": "{endpoint}", "OPENAI_API_KEY": "{key}", "OPENAI_MODEL": "{model}"},
    files={".qwen/settings.json": _json(_QWEN_SETTINGS)},
    mode="yolo",
    resume=Resume.RESUME,
    marks=Marks(error_codes=_HTTP_STATUSES),
)

_VIBE = Preset(
    name="vibe",
    command=("vibe-acp",),
    install="pip install mistral-vibe",
    api=ModelApi.OPENAI,
    endpoint=_MISTRAL_API,
    key_variable="MISTRAL_API_KEY",
    environment={"VIBE_MODEL_KEY": "{key}"},
    files={
        ".vibe/config.toml": _VIBE_CONFIG,
        # Otherwise a folder with an AGENTS.md is not trusted, and the file is not read.
        ".vibe/trusted_folders.toml": 'trusted = ["{workspace}"]\nuntrusted = []\n',
    },
    mode="auto-approve",
    resume=Resume.RESUME,
    usage=UsageScope.SESSION,
    marks=Marks(error_codes={-31002: 401, -31001: 429}),
)

_CLINE = Preset(
    name="cline",
    command=("cline", "--acp"),
    install="npm install -g cline",
    api=ModelApi.OPENAI,
    endpoint=_OPENAI_API,
    key_variable="OPENAI_API_KEY",
    environment={
        # Otherwise it starts a daemon for the whole machine, which outlives it.
        "CLINE_SESSION_BACKEND_MODE": "local",
        "CLINE_API_KEY": "{key}",
        "CLINE_PROVIDER": "openai-compatible",
    },
    files={
        ".cline/data/settings/providers.json": _json(_CLINE_PROVIDERS),
        ".cline/data/settings/global-settings.json": _json({"telemetryOptOut": True, "autoUpdateEnabled": False}),
    },
    options={"auto_approve": "true", "model": "{model}"},
    resume=Resume.LOAD,
    drops_images=True,
)

_OPENHANDS = Preset(
    name="openhands",
    command=("openhands", "acp", "--always-approve"),
    install="pip install openhands",
    api=ModelApi.OPENAI,
    endpoint=_OPENAI_API,
    key_variable="OPENAI_API_KEY",
    environment={"LITELLM_LOCAL_MODEL_COST_MAP": "True", "OPENHANDS_SUPPRESS_BANNER": "1"},
    files={".openhands/agent_settings.json": _json(_OPENHANDS_SETTINGS)},
    resume=Resume.LOAD,
)

_MINI_TRAJECTORY = "mini-swe-agent.traj.json"
_MINI_ENDING = "mini-swe-agent.ending.md"

_MINI = Preset(
    name="mini-swe-agent",
    interface=Interface.COMMAND,
    command=(
        "sh",
        "-c",
        (
            'exec mini --yolo --exit-immediately --model "openai/$AGENT_MODEL" --config mini.yaml'
            f' --config environment.timeout=600 --output "$HOME/{_MINI_TRAJECTORY}"'
            f' --task "$(cat "$PROMPT_FILE" "$HOME/{_MINI_ENDING}")"'
        ),
    ),
    program="mini",
    # Without it, a turn ends without a summary of what was done.
    files={
        _MINI_ENDING: (
            "\n\nThe command that submits prints a summary of your work below the line "
            "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT, which your final answer is.\n"
        ),
    },
    install="pip install mini-swe-agent",
    api=ModelApi.OPENAI,
    endpoint=_OPENAI_API,
    key_variable="OPENAI_API_KEY",
    environment={
        # Not in the command, which a shell reads.
        "AGENT_MODEL": "{model}",
        "OPENAI_API_BASE": "{endpoint}",
        "OPENAI_API_KEY": "{key}",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "MSWEA_CONFIGURED": "true",
        "MSWEA_SILENT_STARTUP": "1",
        # A model without a known price would end the turn after its first answer.
        "MSWEA_COST_TRACKING": "ignore_errors",
        "MSWEA_MODEL_RETRY_STOP_AFTER_ATTEMPT": "3",
    },
    # It exits 0 when a limit ends it.
    marks=Marks(
        result_file=ResultFile(
            path=_MINI_TRAJECTORY, status="info.exit_status", succeeded=frozenset({"Submitted"}), text="info.submission"
        ),
    ),
)

_AIDER = Preset(
    name="aider",
    interface=Interface.COMMAND,
    command=(
        "sh",
        "-c",
        (
            'exec aider --model "openai/$AGENT_MODEL" --yes-always --no-git --no-auto-commits --no-check-update'
            " --no-show-release-notes --no-show-model-warnings --no-analytics --no-pretty --no-stream --no-detect-urls"
            " --no-suggest-shell-commands --no-gitignore --restore-chat-history"
            ' --chat-history-file "$HOME/aider.history.md" --input-history-file "$HOME/aider.input"'
            ' --message-file "$PROMPT_FILE"'
        ),
    ),
    program="aider",
    install="pip install aider-chat",
    api=ModelApi.OPENAI,
    endpoint=_OPENAI_API,
    key_variable="OPENAI_API_KEY",
    environment={
        # Not in the command, which a shell reads.
        "AGENT_MODEL": "{model}",
        "OPENAI_API_BASE": "{endpoint}",
        "OPENAI_API_KEY": "{key}",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    },
    restores_history=True,
    # It always exits 0.
    marks=Marks(error_text=r"litellm\.\w+(Error|Exception)"),
)

SCRIPTED = "scripted"
"""The name of the emulated agent of the demo and the tests: it needs no model, and is of no use elsewhere."""

_SCRIPTED = Preset(
    name=SCRIPTED,
    # The bot may not be installed in the environment of its Python: the demo runs from the work tree.
    command=(
        "{python}",
        "-I",
        "-c",
        "import sys; sys.path.insert(0, sys.argv[1]); from bot.emulators.agent.__main__ import main; main()",
        "{bot}",
    ),
    install="pip install codegen-bot",
    api=ModelApi.OPENAI,
    needs_model=False,
    environment={"OPENAI_BASE_URL": "{endpoint}", "OPENAI_API_KEY": "{key}", "OPENAI_MODEL": "{model}"},
    mode="auto",
    resume=Resume.RESUME,
)
"""The emulated agent of the demo and the tests."""

PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (
        _CLAUDE,
        _CODEX,
        _COPILOT,
        _OPENCODE,
        _GEMINI,
        _QWEN,
        _VIBE,
        _CLINE,
        _OPENHANDS,
        _MINI,
        _AIDER,
        _SCRIPTED,
    )
}
"""All presets by name."""
