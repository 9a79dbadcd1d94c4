"""The order of the layers, who speaks to which library, and that nothing works at import."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LAYERS = (
    ("__main__",),
    ("cli",),
    ("action",),
    ("demo", "doctor", "setup"),
    ("outcome",),
    ("app",),
    ("web", "redelivery"),
    ("engine", "stateless", "dry_run"),
    ("dispatch",),
    ("prefilter",),
    ("handlers",),
    ("replies",),
    ("commands",),
    ("shared_runs", "completion_times"),
    ("github", "codegen", "store", "repository_config", "offload"),
    ("log", "metrics", "observer"),
    ("settings", "measures"),
    ("redaction",),
    ("errors", "api_path", "fencing"),
)
"""From top to bottom. Whoever stands on a line may import what stands below it, and nothing beside or above it."""

BOXES = {"emulator": {"cli", "demo"}}
"""What stands apart: it imports nothing of the bot, and only these import it."""

SPOKEN_BY = {
    "alembic": {"bot.store.migrating", "bot.store.migrations"},
    "aiohttp": {
        "bot.app",
        "bot.cli.send",
        "bot.demo",
        "bot.dry_run.github",
        "bot.emulator",
        "bot.github",
        "bot.setup",
        "bot.web",
    },
    "click": {"bot.cli"},
    "cryptography": {"bot.emulator.github.manifests"},
    "dbos": {"bot.engine"},
    "dotenv": {"bot.setup.env_file"},
    "gidgethub": {"bot.github"},
    "httpx": {"bot.app.token_access", "bot.codegen", "bot.dry_run.codegen"},
    "jwt": {"bot.github.auth", "bot.emulator.github.tokens"},
    "markdown_it": {"bot.commands.markdown", "bot.commands.visible_lines", "bot.demo.playground"},
    "opentelemetry": {"bot.engine.collector"},
    "prometheus_client": {"bot.metrics"},
    "pydantic": {
        "bot.cli.receive",
        "bot.codegen",
        "bot.commands",
        "bot.settings",
        "bot.demo",
        "bot.emulator",
        "bot.github",
        "bot.handlers",
        "bot.outcome",
        "bot.repository_config",
        "bot.web.api",
    },
    "pydantic_core": {"bot.repository_config"},
    "pydantic_settings": {"bot.settings"},
    "regex": {"bot.repository_config.matching"},
    "rich": {"bot.cli.screen"},
    "sqlalchemy": {"bot.app", "bot.engine", "bot.completion_times", "bot.shared_runs", "bot.store"},
    "structlog": {"bot.engine", "bot.log", "bot.web"},
    "yaml": {"bot.repository_config.document"},
}
"""Which modules may import which library. To let another one in is a decision: it is written down here."""

LIGHT = (
    "aiohttp",
    "dbos",
    "gidgethub",
    "httpx",
    "regex",
    "rich",
    "sqlalchemy",
    "bot.app",
    "bot.emulator",
    "bot.engine",
    "bot.stateless",
)
"""What the command line must not pay for before a subcommand needs it."""


@cache
def trees() -> dict[str, ast.Module]:
    """Every module of the bot, read but not run."""
    paths = {_name(path): path for path in sorted((ROOT / "bot").rglob("*.py"))}
    return {name: ast.parse(path.read_text(), str(path)) for name, path in paths.items()}


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def imports(tree: ast.Module) -> tuple[str, ...]:
    """Everything that a module imports, wherever in it: ``from a import b`` gives ``a.b``."""
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found += (f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(found)


def layer(module: str) -> str:
    """The name below ``bot``; empty for ``bot`` itself, which holds only the version."""
    return [*module.split("."), ""][1]


def inner_imports() -> list[tuple[str, str]]:
    """Which module imports which layer other than its own."""
    return [
        (module, layer(name))
        for module, tree in trees().items()
        for name in imports(tree)
        if name.split(".")[0] == "bot" and layer(name) not in {layer(module), "__version__"}
    ]


def is_within(module: str, homes: set[str]) -> bool:
    return any(module == home or module.startswith(f"{home}.") for home in homes)


def test_every_module_has_its_place_in_the_order() -> None:
    known = {name for line in LAYERS for name in line} | {*BOXES}
    assert {layer(module) for module in trees()} - {""} <= known


def test_imports_only_point_downward() -> None:
    height = {name: -number for number, line in enumerate(LAYERS) for name in line}
    ordered = [(module, layer(module), other) for module, other in inner_imports() if other not in BOXES]
    assert ordered
    wrong = [
        f"{module} imports bot.{other}"
        for module, own, other in ordered
        if own not in height or other not in height or height[other] >= height[own]
    ]
    assert wrong == []


@pytest.mark.parametrize("box", BOXES)
def test_what_stands_apart_is_known_to_few(box: str) -> None:
    knowing = {layer(module) for module, other in inner_imports() if other == box}
    assert knowing <= BOXES[box]


@pytest.mark.parametrize("library", SPOKEN_BY)
def test_a_library_is_spoken_to_where_it_belongs(library: str) -> None:
    speaking = {
        module for module, tree in trees().items() if any(name.split(".")[0] == library for name in imports(tree))
    }
    assert {module for module in speaking if not is_within(module, SPOKEN_BY[library])} == set()


def test_every_library_has_its_speakers_written_down() -> None:
    used = {name.split(".")[0] for tree in trees().values() for name in imports(tree)}
    assert used - sys.stdlib_module_names - {"bot"} <= {*SPOKEN_BY}


def test_nothing_works_at_import() -> None:
    """A module's own lines define things. They call nothing for its effect, and neither loop nor open anything."""
    working = [
        f"{module}:{statement.lineno}"
        for module, tree in trees().items()
        for statement in tree.body
        if isinstance(statement, ast.For | ast.While | ast.With | ast.Try | ast.Delete)
        or (isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Constant))
    ]
    assert working == []


def test_every_package_says_what_is_here() -> None:
    packages = {_name(path): path for path in (ROOT / "bot").rglob("__init__.py")}
    assert [name for name in packages if not ast.get_docstring(trees()[name])] == []


def test_a_helper_lives_beside_its_noun() -> None:
    words = {part for module in trees() for part in module.split(".")}
    assert words & {"utils", "util", "common", "helpers", "helper", "misc"} == set()


@pytest.mark.parametrize("module", ["bot.cli.main", "bot.cli.action", "bot.cli.commands", "bot.cli.help"])
def test_the_command_line_starts_light(module: str) -> None:
    """DBOS alone costs a third of a second, and most commands never need it."""
    loaded = run(f"import sys, {module}; print('\\n'.join(sys.modules))").split()
    assert module in loaded
    assert [name for name in LIGHT if name in loaded] == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="takes a process of its own for each module")
def test_every_module_can_be_imported_alone() -> None:
    """Nobody has to import another one first. Libraries are loaded once, and each module in a fork of that process.

    What stands below a module is loaded already: it was tried before, and as imports only point downward nothing there
    can need the module. To load all of it anew for each of some hundred modules would take half a minute.
    """
    modules = [name for name in trees() if name != "bot.__main__"]
    libraries = {name for module in modules for name in SPOKEN_BY if is_within(module, SPOKEN_BY[name])}
    lines = [{"", *BOXES}, *(set(line) for line in reversed(LAYERS))]
    storeys = [[name for name in modules if layer(name) in line] for line in lines]
    assert sum(map(len, storeys)) == len(modules)
    assert run(ALONE.format(libraries=sorted(libraries), storeys=storeys)) == ""


ALONE = """
import gc, importlib, importlib.util, os, traceback
# Not collecting garbage spares each fork a copy of the memory.
gc.disable()
for name in {libraries}:
    if importlib.util.find_spec(name):
        importlib.import_module(name)
for storey in {storeys}:
    children = {{}}
    for name in storey:
        child = os.fork()
        if child == 0:
            try:
                importlib.import_module(name)
            except BaseException:
                print(name, traceback.format_exc(), flush=True)
            os._exit(0)
        children[child] = name
    for child, name in children.items():
        _, status = os.waitpid(child, 0)
        if status:
            print(name, "ended with", status, flush=True)
    for name in storey:
        importlib.import_module(name)
"""


def run(program: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
