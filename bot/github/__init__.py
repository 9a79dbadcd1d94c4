"""GitHub: its events made typed, its webhooks' signatures, its REST API.

`client` is what the rest of the bot calls; below it lie `calls` (limits, credentials, another try), `auth` (as whom)
and `transport` (one request, and every failure as a `bot.errors.UpstreamError`). `events` and `signature` belong to the
webhook. Nobody outside this package knows gidgethub or GitHub's raw JSON; what to say to people is not decided here.
"""
