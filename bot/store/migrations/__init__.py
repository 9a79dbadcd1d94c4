"""Migrations to the tables of `bot.store.tables`, one file each in `versions`, run by Alembic.

DBOS migrates its own tables.
"""
