"""Executes commands: invocations, their context, steps, status comments, quotas and the effective config.

A delivery becomes invocations in `dispatch`; `execute` runs one, with a `CommandContext` for everything outside. It
knows neither DBOS nor an HTTP library. The commands themselves are in `bot.commands`.
"""
