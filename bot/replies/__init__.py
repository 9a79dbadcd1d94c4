"""All texts of the bot: Markdown, folding, redaction, hidden markers, and the agent's prompts.

Pure functions from typed values to text. Where the text goes, and when, is decided in `bot.handlers`.
"""
