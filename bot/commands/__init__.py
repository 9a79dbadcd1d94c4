"""What was said: text in, typed commands out, each with its usage beside it.

Nothing here does anything; what a command makes happen is told in `bot.handlers`, in the module of the same name.
"""
