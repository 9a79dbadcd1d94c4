"""A door: the command line. `main` has the table of all subcommands; each stands in a module of its own.

Every command that can be said in a comment is a subcommand, made in `commands` of the same usage. Nothing is imported
before its subcommand is called for: GitHub runs ``codegen-bot action`` for every comment that somebody writes.
"""
