"""A runner whose Action needs one package only."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.action.install import PYTHON
from tests.action.composite.runner import ROOT


@dataclass(slots=True)
class Machine:
    """A runner with an Action whose bot needs the package ``tiny``, which is in the folder ``wheels`` only."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        action = self.folder / "action"
        (action / "bot" / "action").mkdir(parents=True)
        shutil.copy(ROOT / "bot" / "action" / "install.py", action / "bot" / "action")
        for name in ("__init__.py", "action/__init__.py", "action/main.py"):
            (action / "bot" / name).touch()
        (action / "bot" / "action" / "execution.py").write_text("import tiny\n")
        wheel = self.folder / "wheels" / "tiny-1.0-py3-none-any.whl"
        wheel.parent.mkdir()
        with zipfile.ZipFile(wheel, "w") as file:
            about = "tiny-1.0.dist-info"
            file.writestr("tiny.py", "")
            file.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
            file.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            file.writestr(f"{about}/RECORD", f"tiny.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        (action / "requirements-action.lock").write_text(f"tiny==1.0 --hash=sha256:{digest}\n")
        (self.folder / "constraints.txt").write_text("tiny==2.0\n")
        (self.folder / "home").mkdir()
        self.environ |= {
            "HOME": str(self.folder / "home"),
            "PATH": os.environ["PATH"],
            # pip's configuration for all users of the machine that the tests run on.
            "XDG_CONFIG_DIRS": str(self.folder / "no-such-folder"),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "RUNNER_TOOL_CACHE": str(self.folder / "tool-cache"),
        }

    @property
    def places(self) -> list[Path]:
        """What is in the tool cache."""
        return [*(self.folder / "tool-cache" / "codegen-bot").iterdir()]

    @property
    def packages(self) -> dict[str, str]:
        """The settings without which pip finds no package."""
        return {"no-index": "yes", "find-links": str(self.folder / "wheels")}

    def install(self, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603
            [sys.executable, "-I", str(self.folder / "action" / "bot" / "action" / "install.py")],
            env=self.environ | environ,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )


def variables(settings: Mapping[str, str]) -> dict[str, str]:
    return {f"PIP_{name.replace('-', '_').upper()}": value for name, value in settings.items()}


def imports_tiny(home: Path) -> bool:
    return subprocess.run([home / PYTHON, "-I", "-c", "import tiny"], check=False).returncode == 0  # noqa: S603
