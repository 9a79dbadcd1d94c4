"""The agents file, and the one agent that AGENT names."""

from __future__ import annotations

from pathlib import Path

import pytest
from inline_snapshot import snapshot

from bot.agents.config import AgentsConfig, SandboxKind, load, of_preset
from bot.agents.preset import Interface, ModelApi, Preset
from bot.errors import SettingsError
from bot.storage.agent_turn_order import TurnLimits

KNOWN = {
    "claude": Preset(
        name="claude",
        command=("claude-agent-acp",),
        install="npm install -g claude-agent-acp",
        api=ModelApi.ANTHROPIC,
        endpoint="https://models.example",
        key_variable="ANTHROPIC_API_KEY",
        needs_model=False,
        environment={"IS_SANDBOX": "1"},
    ),
    "opencode": Preset(
        name="opencode",
        command=("opencode", "acp"),
        install="npm install -g opencode-ai",
        api=ModelApi.OPENAI,
        endpoint="https://models.example/v1",
        key_variable="OPENAI_API_KEY",
    ),
}
ENVIRON = {"ANTHROPIC_API_KEY": "sk-ant-secret", "EMPTY": " "}

DESIGN = """\
agents:
  claude: {preset: claude, model: claude-sonnet-5, key: ${ANTHROPIC_API_KEY}}
  opencode: {preset: opencode, endpoint: http://localhost:11434/v1/, model: qwen3-coder}
  fixer: {command: [./fix.sh, --all]}      # any program
default: opencode
sandbox: none
egress: [packages.example, "*.mirror.example:8443"]
concurrency: 3
concurrency-per-repository: 4
concurrency-per-person: 1
timeout-minutes: 30
drain-seconds: 5
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "agents.yml"


def read(file: Path, text: str, **environ: str) -> AgentsConfig:
    file.write_text(text, encoding="utf-8")
    return load(file, ENVIRON | environ, known=KNOWN)


def problems(file: Path, text: str, **environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(file, text, **environ)
    return "\n".join(problem.removeprefix(f"{file}: ") for problem in caught.value.problems)


def test_load_example_of_the_design(file: Path) -> None:
    config = read(file, DESIGN)
    assert [*config.agents] == ["claude", "opencode", "fixer"]
    assert (config.default, config.sandbox) == ("opencode", SandboxKind.NONE)
    assert config.egress == ("packages.example", "*.mirror.example:8443")
    assert (config.concurrency, config.timeout_minutes, config.drain) == (3, 30.0, 5.0)
    assert config.limits == TurnLimits(per_repository=4, per_person=1)
    claude, opencode, fixer = config.agents.values()
    assert claude.key is not None
    assert claude.key.get_secret_value() == "sk-ant-secret"
    assert (claude.model, claude.endpoint) == ("claude-sonnet-5", "https://models.example")
    assert (claude.command, claude.preset) == (("claude-agent-acp",), KNOWN["claude"])
    assert (opencode.endpoint, opencode.key) == ("http://localhost:11434/v1", None)
    assert fixer.preset.interface is Interface.COMMAND
    assert fixer.command == (str(file.parent / "fix.sh"), "--all")


def test_load_defaults(file: Path) -> None:
    config = read(file, "agents: {one: {command: [fix]}, two: {command: [fix]}}")
    assert (config.default, config.sandbox, config.egress) == ("one", SandboxKind.BUBBLEWRAP, ())
    assert (config.concurrency, config.timeout_minutes) == (2, 60.0)


def test_load_key_of_the_presets_variable(file: Path) -> None:
    (agent,) = read(file, "agents: {claude: {preset: claude}}").agents.values()
    assert agent.key is not None
    assert agent.key.get_secret_value() == "sk-ant-secret"


def test_load_key_is_not_sent_to_another_endpoint(file: Path) -> None:
    """A key of one service is none of another's business."""
    (agent,) = read(file, "agents: {c: {preset: claude, endpoint: http://localhost:1}}").agents.values()
    assert agent.key is None


def test_load_command_replaces_that_of_the_preset(file: Path) -> None:
    (agent,) = read(file, "agents: {c: {preset: claude, command: [bin/claude, --debug]}}").agents.values()
    assert agent.command == agent.preset.command == (str(file.parent / "bin/claude"), "--debug")
    assert agent.preset.api is ModelApi.ANTHROPIC


def test_load_command_with_a_model_api(file: Path) -> None:
    text = """\
agents:
  mine:
    command: [mine]
    interface: acp
    api: openai
    endpoint: http://localhost:1
    key: ${ANTHROPIC_API_KEY}
    environment: {BASE_URL: "{endpoint}"}
"""
    (agent,) = read(file, text).agents.values()
    assert (agent.preset.interface, agent.preset.api) == (Interface.ACP, ModelApi.OPENAI)
    assert agent.preset.environment == {"BASE_URL": "{endpoint}"}


def test_load_environment_is_added_to_that_of_the_preset(file: Path) -> None:
    (agent,) = read(file, "agents: {c: {preset: claude, environment: {CI: '1'}}}").agents.values()
    assert agent.preset.environment == {"IS_SANDBOX": "1", "CI": "1"}


def test_load_variable_within_a_text(file: Path) -> None:
    (agent,) = read(file, "agents: {f: {command: [fix, 'a-${ONE}-$${TWO}-$3']}}", ONE="1").agents.values()
    assert agent.command == ("fix", "a-1-${TWO}-$3")


def test_load_variable_is_not_read_as_yaml(file: Path) -> None:
    (agent,) = read(file, "agents: {f: {command: [fix, '${ONE}']}}", ONE="'], x: {y: ${TWO}").agents.values()
    assert agent.command == ("fix", "'], x: {y: ${TWO}")


def test_load_missing_variable(file: Path) -> None:
    text = "agents:\n  c: {preset: claude, key: ${NOT_SET}}\n  o: {preset: opencode, model: m, key: ${EMPTY}}\n"
    assert problems(file, text) == snapshot("""\
Line 2: The variable NOT_SET is not set. Set it in the environment or in the .env file.
Line 3: The variable EMPTY is not set. Set it in the environment or in the .env file.\
""")


def test_load_variable_in_environment(file: Path) -> None:
    """An agent could read it."""
    assert problems(file, "agents: {f: {command: [x], environment: {A: ${ANTHROPIC_API_KEY}}}}") == snapshot(
        'Line 1: An agent could read ANTHROPIC_API_KEY there; write the value out. A model key belongs in "key".'
    )


def test_load_reports_all_problems_with_their_lines(file: Path) -> None:
    text = """\
agents:
  Claude: {preset: claude}
  opencode:
    preset: opencode
    modell: qwen3-coder
    endpoint: localhost:11434
  fixer: {command: ./fix.sh, model: [x]}
  empty:
    command: []
sandbx: none
sandbox: docker
egress: [https://packages.example]
concurrency: "2"
timeout-minutes: 0
"""
    assert problems(file, text) == snapshot("""\
Line 2: "agents.Claude" should be small letters, digits and single - or _, such as fixer.
Line 5: There is no key "agents.opencode.modell". Did you mean "model"?
Line 6: "agents.opencode.endpoint" should be a URL such as http://localhost:11434/v1, without a user or a query.
Line 7: "agents.fixer.command" should be a list.
Line 7: "agents.fixer.model" should be text; put it in quotes.
Line 9: "agents.empty.command" is empty.
Line 10: There is no key "sandbx". Did you mean "sandbox"?
Line 11: "sandbox" should be 'bubblewrap' or 'none'.
Line 12: Entry 1 of "egress" should be a host name in small letters, such as packages.example or *.packages.example.
Line 13: "concurrency" should be a valid integer.
Line 14: "timeout-minutes" should be greater than 0.\
""")


def test_load_reports_contradictions(file: Path) -> None:
    text = """\
agents:
  a: {preset: cloude}
  b: {}
  c: {preset: claude, api: openai}
  d: {preset: opencode, model: m}
  e: {command: [x], key: abc}
  f: {command: [x], api: gemini}
  g: {preset: opencode, key: abc}
default: x
"""
    assert problems(file, text) == snapshot("""\
Line 2: "agents.a.preset" is not a known agent. Did you mean "claude"?
Line 3: "agents.b" has neither "preset" nor "command"; one is needed.
Line 4: "agents.c.api" is for agents without a preset; leave it out.
Line 5: "agents.d" has no model key: set OPENAI_API_KEY, or add "key".
Line 6: "agents.e" has a model API; say which one: "api" is one of anthropic, openai, gemini.
Line 7: "agents.f" has no "endpoint", the URL of its model API.
Line 8: "agents.g" needs the name of a model: add "model".
Line 9: "default" is not one of the agents. Valid are a, b, c, d, e, f, g.\
""")


@pytest.mark.parametrize(
    "text", ["", "agents: {}", "agents: [claude]", "- x", "agents: {a: null}", "a: [", "agents: {a: !x b}"]
)
def test_load_without_agents(file: Path, text: str) -> None:
    assert problems(file, text).startswith("Line 1: ")


def test_load_file_that_cannot_be_read(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"agents.yml cannot be read: No such file"):
        load(file, {})
    file.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match=r"agents.yml is not UTF-8 text"):
        load(file, {})


def test_load_shows_no_secret(file: Path) -> None:
    config = read(file, DESIGN)
    assert "sk-ant-secret" not in repr(config)
    wrong = "agents: {a: {preset: ${K}, endpoint: ${K}, model: ${K}, interface: ${K}}}\ndefault: ${K}\nsandbox: ${K}"
    assert "sk-ant-secret" not in problems(file, wrong, K="sk-ant-secret!")
    assert "sk-ant-secret" not in problems(file, "agents: {a: {preset: ${K}}}\ndefault: ${K}", K="sk-ant-secret")


def test_of_preset_is_one_agent() -> None:
    config = of_preset("claude", ENVIRON, known=KNOWN)
    agent = config.agents[config.default]
    assert agent.key is not None
    assert agent.key.get_secret_value() == "sk-ant-secret"
    assert (agent.command, agent.endpoint) == (("claude-agent-acp",), "https://models.example")
    assert config.sandbox is SandboxKind.BUBBLEWRAP


def test_of_preset_unknown() -> None:
    with pytest.raises(SettingsError) as caught:
        of_preset("opncode", {}, known=KNOWN)
    assert str(caught.value) == snapshot("AGENT: there is no agent 'opncode'. Did you mean \"opencode\"?")


def test_of_preset_unknown_name_lists_real_agents() -> None:
    """Not the emulated one of the demo."""
    with pytest.raises(SettingsError, match=r"Valid are claude, .*, aider\.$"):
        of_preset("nonsense", {})


def test_of_preset_model() -> None:
    config = of_preset("opencode", {"OPENAI_API_KEY": "sk-1"}, model="qwen3-coder", known=KNOWN)
    assert config.agents["opencode"].model == "qwen3-coder"


def test_of_preset_without_a_model() -> None:
    with pytest.raises(SettingsError) as caught:
        of_preset("opencode", {"OPENAI_API_KEY": "sk-1"}, known=KNOWN)
    assert str(caught.value) == snapshot(
        "AGENT=opencode needs the name of a model of https://models.example/v1: set AGENT_MODEL."
    )


def test_of_preset_without_a_key() -> None:
    with pytest.raises(SettingsError) as caught:
        of_preset("opencode", {}, known=KNOWN)
    assert str(caught.value) == snapshot("AGENT=opencode needs a model key: set OPENAI_API_KEY.")


def test_names_include_codegens_name_of_claude_code(file: Path) -> None:
    assert read(file, "agents: {c: {preset: claude}, f: {command: [x]}}").names == ("c", "f", "claude_code")
    assert read(file, "agents: {claude_code: {preset: claude}}").names == ("claude_code",)
    assert read(file, "agents: {f: {command: [x]}}").names == ("f",)
