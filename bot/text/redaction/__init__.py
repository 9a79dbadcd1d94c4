"""Removes secrets from texts.

`redact` redacts texts and JSON, `redacting` models and dataclasses. `tokens` finds secrets by their shape, `named` by
the name before them (`values` tells a secret from a placeholder), `matching` by a repository's own patterns.
"""
