"""What each package of the Action costs: to download, on disk, to import.

Of an environment that `bot/action/install.py` makes for this measurement, in milliseconds of the imports' own time, the
modules compiled.

    python -m benchmarks.action_packages
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from importlib.metadata import Distribution, distributions
from pathlib import Path

from bot.action.install import IMPORTED, LOCK, PYTHON, ensure

RUNS = 11


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        home = ensure(LOCK, [Path(name)])
        [packages] = home.glob("[Ll]ib/**/site-packages")
        found = sorted(distributions(path=[str(packages)]), key=_name)
        spent = _spent(home / PYTHON, sorted({module for each in found for module in _modules(each)}))
        print("| package | on disk | import |\n|---|---|---|")
        total = Counter[str]()
        for each in found:
            size = sum(Path(str(file.locate())).stat().st_size for file in each.files or () if file.suffix != ".pyc")
            milliseconds = sum(spent[module] for module in _modules(each))
            total += Counter({"size": size, "ms": round(milliseconds * 10)})
            print(f"| {_name(each)} | {size / 1e6:.2f} MB | {milliseconds:.0f} ms |")
        print(f"| all {len(found)} | {total['size'] / 1e6:.1f} MB | {total['ms'] / 10:.0f} ms |")
        print(f"the bot: {spent['bot']:.0f} ms; the standard library: {spent['']:.0f} ms")


def _name(package: Distribution) -> str:
    return str(package.metadata["Name"]).lower().replace("_", "-")


def _modules(package: Distribution) -> set[str]:
    """The top-level modules that a package has."""
    tops = {file.parts[0].split(".")[0] for file in package.files or () if file.suffix in {".py", ".so", ".pyd"}}
    return {top for top in tops if top.isidentifier() and not top.startswith("_")}


def _spent(python: Path, packages: list[str]) -> Counter[str]:
    """Milliseconds of the modules' own import times, by top-level module; the lowest of some runs of each. Those of the
    packages count, although many are imported by few commands only.

    The standard library's are under an empty name.
    """
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(LOCK.parent)}
    command = [str(python), "-X", "importtime", "-P", "-s", "-c", f"import {', '.join((*IMPORTED, *packages))}"]
    lowest: dict[str, int] = {}
    for _ in range(RUNS):
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)  # noqa: S603
        for own, module in re.findall(r"^import time:\s+(\d+) \|\s+\d+ \|\s*([\w.]+)$", done.stderr, re.MULTILINE):
            lowest[module] = min(int(own), lowest.get(module, sys.maxsize))
    spent = Counter[str]()
    for module, own in lowest.items():
        top = module.split(".")[0]
        spent["" if top in sys.stdlib_module_names else top] += own
    return Counter({top: microseconds / 1000 for top, microseconds in spent.items()})


if __name__ == "__main__":
    main()
