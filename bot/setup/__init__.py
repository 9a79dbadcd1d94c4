"""Creates the bot's GitHub App from a manifest, and stores its settings where the bot reads them.

`flow` is the exchange with GitHub; `plan` and `manifest` describe the requested App; `env_file` stores its settings.
`pages` are the HTML pages, served by `local` for ``codegen-bot setup`` on the user's machine, and by `remote` for the
first start of a publicly reachable server. https://docs.github.com/en/apps/sharing-github-apps
"""
