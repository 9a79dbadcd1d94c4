"""GitHub: typed events, webhook signatures, and the REST API.

`client` is what the rest of the bot calls; below it are `calls` (limits, credentials, retries), `auth` (whose
credentials) and `transport` (one request, and every failure as a `bot.errors.UpstreamError`). `events` and `signature`
belong to the webhook. No other package knows gidgethub or GitHub's raw JSON; texts for users are not written here.
"""
