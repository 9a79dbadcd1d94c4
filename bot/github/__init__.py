"""GitHub: its events made typed, its webhooks' signatures, its REST API.

This is the only package that knows gidgethub and GitHub's raw payloads. Every failure leaves it as a
`bot.errors.UpstreamError`.
"""
