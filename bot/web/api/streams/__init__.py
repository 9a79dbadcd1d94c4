"""Live streams: a run's log and a multi-run's state, told while they change, as WebSockets or Server-Sent Events.

One upstream reader per run, whoever listens. It reads with the tokens of those who are there, in turn, so that each of
them is found out when Codegen refuses it; the server's own token is never lent. What was read is written as JSON once,
without secrets, and kept once: a listener is a cursor into it, so a slow one holds nothing but its place.

`door` lets callers in, `connection_manager` and `multi_run_status_manager` know whom to tell, `subscriber` tells them.
"""
