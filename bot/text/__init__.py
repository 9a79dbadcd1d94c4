"""Text that others wrote: Markdown, untrusted text, redaction, job logs, and the bot's hidden markers.

It knows nothing of GitHub, Codegen or commands, and works on strings only.
"""
