"""Secrets in texts: those that have a known shape or name.

`known.redact_known` takes them out. `forms` finds what its own shape tells (`token_shapes`), `named` what the name
before it does (`names`, `values`), `commands` what its place in a command line does. What a repository's own patterns
match is not known here: `bot.replies.redaction` takes out both.
"""
