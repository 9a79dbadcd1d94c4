"""Codegen: its API as typed calls, client-side rate limits, and a poller that covers all runs with one request.

The only package that knows httpx and Codegen's JSON. Every failure leaves it as a `bot.errors.UpstreamError`.
"""
