"""What of the host an agent's program needs, for each way in which agents are installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bot.agents.model import TurnError
from bot.agents.sandbox import Sandbox, SandboxSpec
from bot.agents.sandbox.installation import environment, installation_of, search_path
from tests.agents.sandbox.conftest import MakeSpec, output_of


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which agents are installed; HOME is in it."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return tmp_path


def program(path: Path, text: str = "#!/bin/sh\necho works\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def link(path: Path, target: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return path


def test_program_of_the_system_needs_nothing() -> None:
    assert installation_of("sh") == ()


def test_npm_package_of_a_folder(root: Path) -> None:
    program(root / "agents/node_modules/opencode-ai/bin/opencode")
    command = link(root / "agents/node_modules/.bin/opencode", "../opencode-ai/bin/opencode")

    assert installation_of(str(command)) == (root / "agents/node_modules",)


def test_npm_package_of_a_node_version(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = root / "home/.nvm/versions/node/v22"
    program(node / "bin/node")
    program(node / "lib/node_modules/gemini/dist/index.js", "#!/usr/bin/env -S node --no-warnings\n")
    link(node / "bin/gemini", "../lib/node_modules/gemini/dist/index.js")
    monkeypatch.setenv("PATH", str(node / "bin"))

    assert installation_of("gemini") == (node,)
    assert search_path(installation_of("gemini")).startswith(f"{node}/bin:/usr/local/sbin:")


def test_npm_prefix_in_home_shares_no_more_than_packages(root: Path) -> None:
    local = root / "home/.local"
    program(local / "lib/node_modules/qwen/cli.js")
    command = link(local / "bin/qwen", "../lib/node_modules/qwen/cli.js")
    (local / "share/keyrings").mkdir(parents=True)

    assert installation_of(str(command)) == (local / "bin", local / "lib/node_modules")


def test_tool_of_uv_or_pipx(root: Path) -> None:
    home = root / "home"
    python = program(home / ".local/share/uv/python/cpython-3.12/bin/python3.12", "")
    (python.parent.parent / "lib/python3.12").mkdir(parents=True)
    tool = home / ".local/share/uv/tools/mini-swe-agent"
    program(tool / "bin/mini", f"#!{tool}/bin/python\n")
    link(tool / "bin/python", str(python))
    (tool / "pyvenv.cfg").write_text(f"home = {python.parent}\nversion_info = 3.12\n")
    command = link(home / ".local/bin/mini", str(tool / "bin/mini"))

    assert installation_of(str(command)) == (
        home / ".local/bin",
        home / ".local/share/uv/python/cpython-3.12",
        tool,
    )


def test_script_beside_secrets_comes_alone(root: Path) -> None:
    script = program(root / "bot/fix.sh")
    (root / "bot/.env").write_text("GITHUB_TOKEN=secret")

    assert installation_of(str(script)) == (script,)


def test_program_in_a_folder_of_its_own_links_brings_both(root: Path) -> None:
    program(root / "agents/1.2/bin/agent")
    command = link(root / "home/bin/agent", str(root / "agents/1.2/bin/agent"))

    assert installation_of(str(command)) == (root / "agents/1.2/bin", root / "home/bin")


def test_links_that_lead_in_a_circle_end(root: Path) -> None:
    one, two = root / "one", root / "two"
    one.symlink_to(two)
    two.symlink_to(one)

    with pytest.raises(TurnError):
        installation_of(str(one))


def test_missing_interpreter_is_named(root: Path) -> None:
    script = program(root / "agent", "#!/usr/bin/env no-such-interpreter\n")

    with pytest.raises(TurnError) as raised:
        installation_of(str(script))
    assert "`no-such-interpreter` is not installed" in raised.value.sentence


def test_python_of_the_tests_is_found() -> None:
    base = Path(sys.base_prefix)
    needed = installation_of(sys.executable)
    assert base in needed or base == Path("/usr")


async def test_what_is_found_is_enough_to_start(bubblewrap: Sandbox, make_spec: MakeSpec, root: Path) -> None:
    package = program(root / "agents/node_modules/agent/cli.sh", "#!/usr/bin/env interpreter\n")
    program(root / "tools/bin/interpreter", "#!/bin/sh\necho works $(basename $1)\n")
    command = link(root / "agents/node_modules/.bin/agent", "../agent/cli.sh")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{root}/tools/bin:/usr/bin:/bin")
        programs = installation_of(str(command))
    assert package.parent not in programs

    output, _ = await output_of(bubblewrap, make_spec(programs=programs), [str(command)])

    assert output == "works agent\n"


def test_environment_is_the_specs_last(tmp_path: Path) -> None:
    spec = SandboxSpec(worktree=tmp_path, home=tmp_path, tmp=tmp_path, environment={"LANG": "de_DE.UTF-8"})
    assert environment(spec, home="/home/agent", tmp="/t", user="agent") == {
        "HOME": "/home/agent",
        "LANG": "de_DE.UTF-8",
        "LOGNAME": "agent",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "SHELL": "/bin/sh",
        "TMPDIR": "/t",
        "USER": "agent",
    }
