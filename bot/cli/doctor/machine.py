"""Checks this machine: its clock, the database and the disk."""

from __future__ import annotations

import asyncio

from bot.cli.doctor.session import DoctorSession, Finding, error, ok, warning
from bot.errors import SettingsError
from bot.storage.inspection import DatabaseState, inspect

CLOCK, DATABASE, DISK = "Clock", "Database", "Disk"

REJECTED_FROM = 60.0
"""Seconds ahead from which GitHub rejects an App's JWT
(https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app).
"""

NOTABLE = 10.0
"""Seconds; clocks synchronized over the network differ by less than one."""

LOW = 500 * 2**20
"""Bytes free, below which to warn; a job takes some kilobytes, and is deleted after the retention period."""

TOO_LOW = 20 * 2**20


async def check_clock(session: DoctorSession) -> list[Finding]:
    """Compares it with the times in the responses to the other checks."""
    ahead = session.headers.ahead
    if not ahead:
        return [warning(CLOCK, "It could not be compared, because no service responded.", "See above.")]
    service, seconds = max(ahead.items(), key=lambda each: abs(each[1]))
    if abs(seconds) <= NOTABLE:
        return [ok(CLOCK, f"It agrees with {' and '.join(each.value for each in ahead)}.")]
    sentence = f"It is {abs(seconds):.0f} s {'behind' if seconds > 0 else 'ahead of'} {service.value}'s."
    fix = "Synchronize it over the network: timedatectl set-ntp true, on the host if this is a container."
    if abs(seconds) < REJECTED_FROM:
        return [warning(CLOCK, sentence, fix)]
    return [error(CLOCK, f"{sentence} So GitHub rejects an App's key, and times in replies are wrong.", fix)]


async def check_database(database_url: str) -> list[Finding]:
    try:
        state = await asyncio.to_thread(inspect, database_url)
    except SettingsError as wrong:
        return [error(DATABASE, str(wrong), "Start the database, or correct DATABASE_URL.")]
    return [_database(state), *_disk(state)]


def _database(state: DatabaseState) -> Finding:
    kind = f"PostgreSQL, {state.name}" if state.is_postgresql else f"SQLite, {state.name}, for one process"
    if state.is_newer:
        fix = "Use that version again, or restore an older backup."
        return error(DATABASE, f"{kind}: a newer codegen-bot has migrated it (to {state.version}).", fix)
    if state.unwritable is not None:
        return error(DATABASE, f"{kind}: {state.unwritable}.", "Give the bot's user write access.")
    if state.version is None:
        return ok(DATABASE, f"{kind}: new; the first start creates its tables.")
    if state.is_older:
        return ok(DATABASE, f"{kind}: of an older version; the next start migrates it.")
    return ok(DATABASE, f"{kind}: up to date.")


def _disk(state: DatabaseState) -> list[Finding]:
    if state.free is None:
        return []
    sentence = f"{state.free // 2**20} MB are free"
    if state.free < TOO_LOW:
        return [error(DISK, f"{sentence}: commands will not be accepted.", "Free some space.")]
    if state.free < LOW:
        return [warning(DISK, f"{sentence}.", "Free some space soon.")]
    return [ok(DISK, f"{sentence}.")]
