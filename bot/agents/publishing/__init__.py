"""Publishes what an agent did: commits the files as the bot, pushes the commit, and opens a pull request.

Only the files are used, never the agent's own commits or configuration. Whatever goes wrong, the work is kept: in
the workspace, and as a patch in the error.

`publisher` does it, with the data of `model`: the changes are read and searched for secrets (`diffs`,
`secrets_in_changes`), committed and pushed (`push`), and get their pull request (`pull_request`).
"""
