"""Creates the bot's GitHub App from a manifest, and stores its settings where the bot reads them.

`plan` is the requested App, `flow` the exchange with GitHub, `env_file` stores the result. `server` serves the `pages`:
on the user's machine for ``codegen-bot setup``, and publicly for the first start of a server.
https://docs.github.com/en/apps/sharing-github-apps
"""
