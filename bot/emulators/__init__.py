"""Local emulators of GitHub and Codegen: two in-memory HTTP servers that behave like the real ones where it matters.

For the demo, for tests and for trying a client without an account. Nothing here imports the rest of `bot/` or shares
its models, so that the emulators do not repeat the bot's mistakes.
"""
