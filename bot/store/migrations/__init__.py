"""How a database comes to stand as `bot.store.tables` says: one step a file in `versions`, by Alembic.

DBOS brings its own tables up by itself.
"""
