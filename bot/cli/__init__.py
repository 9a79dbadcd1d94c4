"""The command line. `main` has the tables of all subcommands.

Every command that works in a comment is also a subcommand, generated in `commands` from the same usage. A subcommand's
module is imported only when it is called: GitHub runs ``codegen-bot action`` for every comment.
"""
