"""Live streams: a run's log and a multi-run's state as they change, over WebSockets or Server-Sent Events.

There is one upstream reader per run, however many subscribers. It polls with the subscribers' tokens in turn, so that a
token that Codegen rejects is noticed; the server's own token is never used. What was read is redacted, serialized and
stored once: a subscriber is a cursor into it, so a slow one costs only its position.

`handlers` admits callers, `connection_manager` and `multi_run_status_manager` track the subscribers of each run,
`run_reader` reads its log, and `subscribers` sends to each of them over one of the `transports`.
"""
