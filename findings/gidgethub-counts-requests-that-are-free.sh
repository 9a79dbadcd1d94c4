#!/usr/bin/env bash
# gidgethub 6.0.0: each response from its cache lowers `rate_limit.remaining`, below zero in the end.
#
# Expected: what GitHub says. A 304 does not count against the limit (GitHub, Best practices for using the REST API), its
# headers carry the true number, and gidgethub documents the attribute as updated after every successful request. Seen: one
# is taken off before each request, and the headers of a 304 are not read. Who polls one unchanged thing has no requests
# left while GitHub still has 4999; a `manage_rate_limit` that waits while `rate_limit` is false then waits for the rest of
# the hour. Read the headers in `_request`.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check 'gidgethub==6.0.0'
cat > probe.py <<'PY'
import asyncio, importlib.metadata, time
from gidgethub.abc import GitHubAPI

LIMIT = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4999", "x-ratelimit-reset": str(int(time.time()) + 3600)}


class Client(GitHubAPI):
    """GitHub as it is for one thing that does not change."""

    async def _request(self, method, url, headers, body=b""):
        response = {"content-type": "application/json", "etag": '"1"', **LIMIT}
        return (304, response, b"") if "if-none-match" in headers else (200, response, b"{}")

    async def sleep(self, seconds):
        pass


async def main():
    client = Client("me", oauth_token="t", cache={})
    print("gidgethub", importlib.metadata.version("gidgethub"))
    for times in (1, 1000, 4100):
        for _ in range(times):
            await client.getitem("/repos/o/r")
        print("GitHub: 4999 left; gidgethub:", client.rate_limit.remaining, "left,", bool(client.rate_limit))


asyncio.run(main())
PY
venv/bin/python probe.py | tee seen
diff - seen <<'SEEN'
gidgethub 6.0.0
GitHub: 4999 left; gidgethub: 4999 left, True
GitHub: 4999 left; gidgethub: 3999 left, True
GitHub: 4999 left; gidgethub: -101 left, False
SEEN
echo "Still so."
