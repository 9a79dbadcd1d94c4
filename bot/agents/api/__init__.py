"""Codegen's API (``/v1``), served from the bot's own database.

`application` has the routes, `access` authenticates and reads requests, `requests` validates them, `responses` writes
what is answered; `runs`, `accounts` and `repositories` are the operations. Nothing here runs an agent: a turn is
written to the database, and a worker takes it from there.

The paths, bodies and statuses are those of Codegen's published description. Beyond it there are two: a run's log
without ``alpha`` in its path, and ``POST .../agent/run/cancel``; each run says whether it is ``cancellable``.
"""
