"""``--dry-run``: every call that would be made is told, and none is made.

The real clients build real requests; here they end, are told, and get the happiest answer that is plausible, so that
the story goes on to its end: everybody may everything, every run has succeeded at once. What a real answer would say is
not known, so whatever stands in one is invented and says so, and what later calls repeat of it is invented too.

No socket is opened: `github` stands in the place of aiohttp's session, `codegen` in that of httpx's network.
"""
