"""GitHub and Codegen in a box: two HTTP servers in memory that behave like the real ones where it matters.

For the demo, for tests and for whoever wants to try a client without an account. Nothing here imports the rest of
`bot/` or shares its models, so that a misunderstanding in the bot is not repeated by what judges it.
"""
