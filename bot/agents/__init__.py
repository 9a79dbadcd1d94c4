"""Agents of your own: Codegen's API, served by the bot, with coding agents on its own machines doing the work.

A run is created through `api`, stored by `bot.storage.agents`, and each of its turns is taken from there by a `worker`,
which has `turn` carry it out: `workspace` (a git worktree) -> `sandbox` and `egress` (what the agent may touch and
reach) -> `session` (the Agent Client Protocol) or `command` (any program) -> `publishing` (commit, push, pull request).
`delegated` carries out the turns of Codegen's agents instead. `config` reads the agents file and `presets` is the table
of known agents, whose rows `preset` describes. The rest of the bot does not know this package: it talks to the API.

Of a session, `transport` carries the messages, `log_entries` turns updates into log entries within `log_limits`,
`stopping` ends what goes on too long, and `outcome` tells how it ended. `log_writer` stores the entries, `spending`
watches the budgets. `git` and `changes` work on an agent's files. `probing` tries an agent out for the doctor.

The only importer of acp, besides the emulated agent.
"""
