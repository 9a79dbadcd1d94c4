"""The command language: text in, typed commands out, each with its usage beside it.

Nothing here has an effect; a command is executed by the module of the same name in `bot.execution`.
"""
