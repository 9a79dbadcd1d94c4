"""Codegen: its API as typed calls, its rate limits kept on our side, its runs watched with one request for all.

This is the only package that knows httpx and Codegen's JSON. Every failure leaves it as a `bot.errors.UpstreamError`.
"""
