"""The repository's config file: text in, a frozen model out, and every error reported with its line.

`reading.read` reads the file, `model.RepositoryConfig` is its content, `merging.merge` merges a repository's file over
the organisation's, `prompts.fill` fills in a named prompt. `changes` and `schema` are for the command line.
`document` is the only module that knows YAML; `sentences` rewrites pydantic's errors in plain words.

Pure: fetching the file and reporting its errors happen elsewhere. The settings of the process (tokens, addresses) are
in `bot.settings`. Nothing here knows the bot's commands; their names are passed in.
"""
