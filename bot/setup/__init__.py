"""Makes the bot's GitHub App from a manifest, and puts its settings where the bot finds them.

`flow` is the exchange with GitHub, `plan` and `manifest` what is asked for; `env_file` keeps what comes of it, and
`pages` shows it all to a person: `local` for ``codegen-bot setup`` on that person's machine, `remote` for the first
start of a server that strangers reach as well. https://docs.github.com/en/apps/sharing-github-apps
"""
