"""GitHub: webhook deliveries as typed events, and the REST API.

`client` is what the rest of the bot calls; below it are `requester` (limits, retries), `auth` (whose credentials) and
`transport` (one request, and every failure as a `bot.errors.UpstreamError`). `models` are GitHub's objects, read
straight from its JSON; `events` belong to the webhook. No other package knows gidgethub or GitHub's raw JSON; texts for
users are not written here.
"""
