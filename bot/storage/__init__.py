"""The bot's own persistent state, such as which agent runs belong to which thread.

On SQLite or PostgreSQL, in the same database as the engine's workflows. What Codegen or GitHub store is not duplicated
here.
"""
