"""Builds and runs the image without a container engine: Linux alone can do what the Dockerfile needs.

Each stage is an overlay over this machine's own file system, in a mount namespace of its own, with the tests' Python in
``/usr/local`` as the official image has it. So the RUN steps run as they are written, at the paths that are written. A
container is the last stage's overlay, read-only, with a volume and ``/tmp``; its process has no capabilities, the user
of the image, and number 1. What this does not tell is whether the base image can be fetched, and what it lacks that this
machine has.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.dockerfile import ROOT, Config, Instruction, Stage, context

PREFIX = Path(sys.base_prefix)
NAMESPACE = ("unshare", "--mount", "--propagation", "private")
WITHOUT_RIGHTS = ("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all")
OF_THE_BASE = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LD_LIBRARY_PATH": "/usr/local/lib"}
"""The second one instead of ldconfig: the tests' Python may have been built for a folder that is closed to others."""
TEMPORARY = "/tmp"  # noqa: S108 - the container's own
PASSED_ON = ("PIP_", "SSL_", "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
"""How this machine reaches the package index; an engine takes that from its own settings."""


def cannot_build() -> str | None:
    """Why it is impossible on this machine; None if it is possible."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "mount namespaces are made on Linux, as root"
    if not all(map(shutil.which, ("unshare", "setpriv", "chroot"))) or not (PREFIX / "bin" / "python").exists():
        return "util-linux, or a Python with a prefix of its own, is missing"
    # As it is done below: in the folder for temporary files, whose file system has to be one that overlays can lie on.
    with tempfile.TemporaryDirectory() as folder:
        for name in ("layer", "work", "root"):
            Path(folder, name).mkdir()
        mount = f"mount -t overlay overlay -o lowerdir=/,upperdir={folder}/layer,workdir={folder}/work {folder}/root"
        done = subprocess.run([*NAMESPACE, "sh", "-c", mount], capture_output=True, check=False)  # noqa: S603 - our own words
    return None if done.returncode == 0 else "this machine lets nobody lay one file system over another"


@dataclass(frozen=True, slots=True)
class Image:
    """A built image.

    :param layer: the files that the last stage has added to its base
    """

    config: Config
    layer: Path
    work: Path


def build(stages: Sequence[Stage], folder: Path) -> Image:
    """Builds an image from a Dockerfile.

    :raises AssertionError: with what the failed step said
    """
    _copy_context(folder / "context")
    script = ["set -euo pipefail"]
    config = Config()
    for stage in stages:
        name = stage.name or "image"
        upper, work, root = (folder / name / part for part in ("layer", "work", "root"))
        for each in (upper, work, root):
            each.mkdir(parents=True)
        script += [
            f"mount -t overlay overlay -o lowerdir=/,upperdir={upper},workdir={work} {root}",
            *_furnish(root),
            f"mount -t tmpfs tmpfs {root}{TEMPORARY}",
        ]
        config = Config(environ={**OF_THE_BASE, "HOME": "/root"})
        for instruction in stage.instructions:
            script += _step(instruction, config, root, folder)
    path = folder / "build.sh"
    path.write_text("\n".join(script), encoding="utf-8")
    done = subprocess.run(  # noqa: S603 - our own Dockerfile's words
        [*NAMESPACE, "bash", path], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    del config.environ["HOME"]
    return Image(config, folder / "image" / "layer", folder / "image" / "work")


def _copy_context(folder: Path) -> None:
    for path in context(ROOT):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)


def _furnish(root: Path) -> list[str]:
    """Mounts the base image's Python and a container's standard files, and hides the work tree."""
    return [
        f"mount --bind -o ro {PREFIX} {root}/usr/local",
        f"mount -t tmpfs tmpfs {root}{ROOT}",
        f"mount -t proc proc {root}/proc",
        f"mount --bind /dev {root}/dev",
    ]


def _step(instruction: Instruction, config: Config, root: Path, folder: Path) -> list[str]:
    place = f"{root}{config.folder}"
    match instruction.name:
        case "RUN":
            assert config.user == "0", "only root runs steps here"
            assert instruction.words is None
            return [
                f"chroot {root} {_environ(_outside() | config.environ)} sh -c {shlex.quote(_in(config, instruction.text))}"
            ]
        case "COPY":
            *sources, target = instruction.text.split()
            origin = folder / "context"
            if "from" in instruction.flags:
                origin = folder / instruction.flags["from"] / "root"
            into = f"{place}/{target}" if not target.startswith("/") else f"{root}{target}"
            if target.endswith("/"):
                return [f"mkdir -p {into}", *(f"cp -a {origin}/{source.lstrip('/')} {into}" for source in sources)]
            return [f"cp -a {origin}/{source.lstrip('/')} {into}" for source in sources]
        case "WORKDIR":
            config.note(instruction)
            return [f"mkdir -p {root}{config.folder}"]
        case _:
            config.note(instruction)
            return []


def _in(config: Config, text: str) -> str:
    return f"cd {config.folder} && {text}"


def _outside() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.upper().startswith(PASSED_ON)}


def _environ(environ: Mapping[str, str]) -> str:
    return shlex.join(["env", "-i", *(f"{name}={value}" for name, value in environ.items())])


class Container:
    """One container of an image, with a file system that takes no writes but for ``/tmp`` and the volumes.

    :param volume: kept from one container to the next
    """

    def __init__(self, image: Image, folder: Path, *, volume: Path, environ: Mapping[str, str] | None = None) -> None:
        self._image = image
        self._volume = volume
        self._environ = image.config.environ | dict(environ or {})
        self._root = folder
        self._process: asyncio.subprocess.Process | None = None
        volume.mkdir(exist_ok=True)
        # What an engine does with a new volume: it belongs to whom the folder of the image belongs to.
        owned = (image.layer / image.config.volumes[0].lstrip("/")).stat()
        os.chown(volume, owned.st_uid, owned.st_gid)

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """As ``docker run --read-only IMAGE ARGUMENTS``.

        :returns: a process whose only child is the container's first one
        """
        config = self._image.config
        root = self._root / "root"
        root.mkdir(parents=True, exist_ok=True)
        layers = f"lowerdir=/,upperdir={self._image.layer},workdir={self._image.work}"
        script = [
            "set -eu",
            # Not as another lower layer: the kernel lets none of these lie within another one.
            f"mount -t overlay overlay -o {layers} {root}",
            *_furnish(root),
            f"mount -t tmpfs -o mode=1777 tmpfs {root}{TEMPORARY}",
            f"mount --bind {self._volume} {root}{config.volumes[0]}",
            f"mount -o remount,ro {root}",
            f"exec chroot {root} {shlex.join(self._words([*config.entrypoint, *(arguments or config.command)]))}",
        ]
        return await _spawn(*NAMESPACE, "--pid", "--fork", "bash", "-c", "\n".join(script))

    async def run(self, *arguments: str) -> tuple[int, str]:
        """Waits for its end, and returns the status and the output."""
        return await _ended(await self.start(*arguments))

    async def execute(self, words: Sequence[str], *, beside: int, **environ: str) -> tuple[int, str]:
        """As ``docker exec``, beside the container's first process."""
        inside = ("nsenter", f"--target={beside}", "--mount", "--pid", "--root", "--wd")
        return await _ended(await _spawn(*inside, *self._words(words, **environ)))

    def _words(self, words: Sequence[str], **environ: str) -> list[str]:
        """A command line that becomes another one: as the image's user, without a right, in the image's folder."""
        config = self._image.config
        user, _, group = config.user.partition(":")
        nobody = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", *WITHOUT_RIGHTS]
        known = [f"{name}={value}" for name, value in (self._environ | environ).items()]
        return [*nobody, "env", "-i", *known, "sh", "-c", _in(config, 'exec "$@"'), "sh", *words]


async def _spawn(*words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )


async def _ended(process: asyncio.subprocess.Process) -> tuple[int, str]:
    try:
        async with asyncio.timeout(120):
            said, _ = await process.communicate()
    except TimeoutError:
        kill(process)
        raise
    assert process.returncode is not None
    return process.returncode, said.decode()


def first_process(process: asyncio.subprocess.Process) -> int:
    """The number that the container's process 1 has outside."""
    [child] = _children(process)
    return child


def kill(process: asyncio.subprocess.Process) -> None:
    """Process 1 takes all others of the container with it. Left alone it would outlive the one outside: what asked the
    kernel for its end is forgotten with the change of the user."""
    for each in [*_children(process), process.pid]:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def _children(process: asyncio.subprocess.Process) -> list[int]:
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(each) for each in path.read_text(encoding="ascii").split()] if path.exists() else []
