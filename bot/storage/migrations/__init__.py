"""Migrations to the tables of `bot.storage.tables`, one file each in `versions`, run by Alembic.

DBOS migrates its own tables.
"""
