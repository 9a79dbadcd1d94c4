"""Finds secrets with a known shape or name in texts.

`known.redact_known` removes them. `forms` finds secrets by their shape (`token_shapes`), `named` by the name before
them (`names`, `values`), `commands` by their position in a command line. A repository's own patterns are not known
here: `bot.replies.redaction` removes both.
"""
