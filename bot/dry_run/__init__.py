"""``--dry-run``: prints every call that would be made, and makes none.

The real clients build real requests; these end here, are printed, and get a plausible successful response, so that the
command runs to its end: everything is permitted, every run succeeds at once. The content of a real response is unknown,
so it is invented and marked as such, also where later calls repeat it.

No socket is opened: `github` replaces aiohttp's session, `codegen` httpx's transport.
"""
