"""The repository's config file: text in, a frozen model out, and every mistake told with its line.

`reading.read` reads the file, `model.RepositoryConfig` is what it says, `merging.merge` lays a repository's file over
the organisation's, `prompts.fill` makes a prompt of a named prompt. `changes` and `schema` are for the command line.
`document` is the only module that knows YAML; `sentences` puts pydantic's findings into plain words.

Pure: where the file is fetched from, and whom its mistakes are told, is decided elsewhere. The settings of the process
(tokens, addresses) are in `bot.settings`. Nothing here knows the bot's commands; their names are handed in.
"""
