"""Checks the database: access, migrations, free disk space."""

from __future__ import annotations

import asyncio

from bot.doctor.finding import Finding, ok, warning, wrong
from bot.errors import SettingsError
from bot.store.inspection import Looked, look

DATABASE, DISK = "Database", "Disk"

LITTLE = 500 * 2**20
"""Bytes free, below which to warn; a job takes some kilobytes, and is deleted after the retention period."""

TOO_LITTLE = 20 * 2**20


async def examine(database_url: str) -> list[Finding]:
    try:
        looked = await asyncio.to_thread(look, database_url)
    except SettingsError as error:
        return [wrong(DATABASE, str(error), "Set DATABASE_URL to one that this machine reaches, or start it.")]
    return [_state(looked), *_room(looked)]


def _state(looked: Looked) -> Finding:
    kind = f"PostgreSQL, {looked.name}" if looked.is_postgresql else f"SQLite, {looked.name}, for one process"
    if looked.is_newer:
        fix = "Start that version again, or go back to a backup from before."
        return wrong(DATABASE, f"{kind}: a newer codegen-bot has brought it up (to {looked.step}).", fix)
    if looked.closed is not None:
        return wrong(DATABASE, f"{kind}: {looked.closed}.", "Give the bot's user the right to write there.")
    if not looked.is_used:
        return ok(DATABASE, f"{kind}: new; the first start makes its tables.")
    if looked.is_older:
        return ok(DATABASE, f"{kind}: of an older version; the next start brings it up.")
    return ok(DATABASE, f"{kind}: up to date.")


def _room(looked: Looked) -> list[Finding]:
    if looked.free is None:
        return []
    megabytes = looked.free // 2**20
    if looked.free < TOO_LITTLE:
        return [wrong(DISK, f"{megabytes} MB are free: commands will not be accepted.", "Make room.")]
    if looked.free < LITTLE:
        return [warning(DISK, f"{megabytes} MB are free.", "Make room soon.")]
    return [ok(DISK, f"{megabytes} MB are free.")]
