"""The layers, which modules import which library, and that nothing works at import."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LAYERS = (
    ("__main__", "cli", "action"),
    ("app",),
    ("web",),
    ("engine",),
    ("commands", "execution", "agents"),
    ("github", "codegen", "storage"),
    ("text", "settings", "errors", "connection_errors", "log", "metrics", "network", "observer", "tasks", "upstream"),
)
"""From top to bottom. A module may import from its own layer and from those below it, never in a cycle."""

STANDALONE = {"emulators": {"cli"}}
"""Packages that import nothing of the bot, and the only ones that import them."""

IMPORTERS = {
    "acp": {"bot.agents", "bot.emulators.agent"},
    "alembic": {"bot.storage.migrating", "bot.storage.migrations"},
    "aiohttp": {
        "bot.agents.api",
        "bot.agents.egress",
        "bot.app",
        "bot.cli.send",
        "bot.cli.demo",
        "bot.app.dry_run",
        "bot.emulators",
        "bot.github",
        "bot.cli.setup",
        "bot.web",
    },
    "cachetools": {
        "bot.execution.permissions",
        "bot.execution.redelivery",
        "bot.github.transport",
        "bot.web.api",
    },
    "click": {"bot.cli"},
    "cryptography": {"bot.emulators.github.manifests"},
    "dbos": {"bot.engine"},
    "dotenv": {"bot.settings", "bot.cli.setup.env_file"},
    "gidgethub": {"bot.github"},
    "httpx": {"bot.codegen", "bot.app.dry_run", "bot.github.session"},
    "jwt": {"bot.github.auth", "bot.emulators.github.access"},
    "markdown_it": {"bot.text.markdown", "bot.cli.demo.playground"},
    "opentelemetry": {"bot.engine.tracing"},
    "prometheus_client": {"bot.metrics"},
    "pydantic": {
        "bot.agents",
        "bot.app.embedded_agents",
        "bot.codegen",
        "bot.commands",
        "bot.settings",
        "bot.cli.demo",
        "bot.emulators",
        "bot.github",
        "bot.execution",
        "bot.text.redaction",
        "bot.web.api",
    },
    "pydantic_core": {"bot.agents.config", "bot.execution.repository_config", "bot.settings"},
    "regex": {"bot.text.redaction.matching"},
    "rich": {"bot.cli.screen"},
    "sqlalchemy": {
        "bot.app",
        "bot.engine",
        "bot.codegen.completion_times",
        "bot.codegen.shared_polling",
        "bot.storage",
    },
    "structlog": {"bot.log"},
    "yarl": {"bot.github.session"},
    "truststore": {"bot.network"},
    "yaml": {"bot.execution.repository_config.document", "bot.web.api.openapi"},
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
    "bot.emulators",
    "bot.engine",
    "bot.execution.on_github",
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


def test_every_package_has_a_layer() -> None:
    known = {name for line in LAYERS for name in line} | {*STANDALONE}
    assert {layer(module) for module in trees()} - {""} <= known


def test_imports_never_point_upward() -> None:
    height = {name: -number for number, line in enumerate(LAYERS) for name in line}
    checked = [(module, layer(module), other) for module, other in inner_imports() if other not in STANDALONE]
    assert checked
    wrong = [
        f"{module} imports bot.{other}"
        for module, own, other in checked
        if own not in height or other not in height or height[other] > height[own]
    ]
    assert wrong == []


def test_no_modules_import_each_other() -> None:
    """Imports within functions and under ``TYPE_CHECKING`` count too."""
    modules = trees()
    graph = {
        module: {name if name in modules else name.rpartition(".")[0] for name in imports(tree)} & {*modules} - {module}
        for module, tree in modules.items()
    }
    assert any(graph.values())
    # Raises CycleError, which names the modules of the cycle.
    assert [*TopologicalSorter(graph).static_order()]


@pytest.mark.parametrize("package", STANDALONE)
def test_standalone_package_is_imported_by_few(package: str) -> None:
    assert {layer(module) for module, other in inner_imports() if other == package} <= STANDALONE[package]


@pytest.mark.parametrize("library", IMPORTERS)
def test_library_is_imported_where_it_belongs(library: str) -> None:
    importers = {
        module for module, tree in trees().items() if any(name.split(".")[0] == library for name in imports(tree))
    }
    assert {module for module in importers if not is_within(module, IMPORTERS[library])} == set()


def test_every_library_has_its_importers_listed() -> None:
    used = {name.split(".")[0] for tree in trees().values() for name in imports(tree)}
    assert used - sys.stdlib_module_names - {"bot"} <= {*IMPORTERS}


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


def test_every_package_has_a_docstring() -> None:
    packages = {_name(path): path for path in (ROOT / "bot").rglob("__init__.py")}
    assert [name for name in packages if not ast.get_docstring(trees()[name])] == []


def test_no_module_is_named_utils() -> None:
    words = {part for module in trees() for part in module.split(".")}
    assert words & {"utils", "util", "common", "helpers", "helper", "misc"} == set()


@pytest.mark.parametrize("module", ["bot.cli.main", "bot.cli.action", "bot.cli.commands", "bot.cli.help"])
def test_command_line_imports_no_heavy_library(module: str) -> None:
    """DBOS alone costs a third of a second, and most commands never need it."""
    loaded = run(f"import sys, {module}; print('\\n'.join(sys.modules))").split()
    assert module in loaded
    assert [name for name in LIGHT if name in loaded] == []


@pytest.mark.parametrize("module", ["bot.text.redaction.redacting", "bot.web.api.streams.entries"])
def test_redacting_worker_imports_no_models(module: str) -> None:
    """Somebody waits for it to start: with pydantic it takes twice as long."""
    loaded = run(f"import sys, bot.text.offload.child, {module}; print('\\n'.join(sys.modules))").split()
    assert module in loaded
    assert [name for name in loaded if name.split(".")[0] in {"pydantic", "asyncio", "aiohttp"}] == []


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="takes a process of its own for each module")
def test_every_module_can_be_imported_alone() -> None:
    """Nobody has to import another one first. Libraries are loaded once, and each module in a fork of that process.

    What stands below a module is loaded already: it was tried before, and as imports only point downward nothing there
    can need the module. To load all of it anew for each of some hundred modules would take half a minute.
    """
    modules = [name for name in trees() if name != "bot.__main__"]
    libraries = {name for module in modules for name in IMPORTERS if is_within(module, IMPORTERS[name])}
    lines = [{"", *STANDALONE}, *(set(line) for line in reversed(LAYERS))]
    levels = [[name for name in modules if layer(name) in line] for line in lines]
    assert sum(map(len, levels)) == len(modules)
    assert run(ALONE.format(libraries=sorted(libraries), levels=levels)) == ""


ALONE = """
import gc, importlib, importlib.util, os, traceback
# Not collecting garbage spares each fork a copy of the memory.
gc.disable()
for name in {libraries}:
    if importlib.util.find_spec(name):
        importlib.import_module(name)
for level in {levels}:
    children = {{}}
    for name in level:
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
    for name in level:
        importlib.import_module(name)
"""


def run(program: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
