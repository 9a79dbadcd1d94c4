"""The repository's config file: text in, a frozen model out, and every error reported with its line.

`reading` reads the file (`document` is the only module that knows YAML), `model.RepositoryConfig` is its content,
`merging` merges a repository's file over the organization's. `display` is for the command line and the dashboard.

Pure: fetching the file and reporting its errors happen elsewhere. The settings of the process (tokens, addresses) are
in `bot.settings`. Nothing here knows the bot's commands; their names are passed in.
"""
