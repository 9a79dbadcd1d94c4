"""A scripted coding agent that speaks the Agent Client Protocol, for the demo and for tests.

It really edits files, runs commands and asks its model; only its judgement is emulated. `python -m bot.emulators.agent`
starts it. What it does is a script in its prompt or in $AGENT_SCRIPT (`script`), else a small plausible change
(`improvising`). Its sessions are files in HOME (`memory`), so that a session goes on after a restart.
"""
