"""What the bot remembers by itself: which agent runs belong to which thread.

On SQLite or PostgreSQL, in the same database as the engine's work in flight. What Codegen or GitHub know is not kept
here a second time.
"""
