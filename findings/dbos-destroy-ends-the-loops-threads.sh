#!/usr/bin/env bash
# dbos 3.4.0: after DBOS.destroy(), asyncio.to_thread fails in a loop that has run one async workflow.
#
# Expected: DBOS ends the threads that it started. Seen: it had made its own thread pool the loop's default one, without a
# word, and has just closed it; whatever else the process still does in threads fails with "cannot schedule new futures".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check 'dbos==3.4.0'
cat > probe.py <<'PY'
import asyncio, importlib.metadata
from dbos import DBOS

DBOS(config={"name": "finding", "system_database_url": "sqlite:///finding.sqlite", "log_level": "CRITICAL"})


@DBOS.workflow()
async def nothing():
    pass


async def main():
    DBOS.launch()
    print("before:", await asyncio.to_thread(lambda: "works"))
    await nothing()
    DBOS.destroy()
    try:
        print("after:", await asyncio.to_thread(lambda: "works"))
    except RuntimeError as error:
        print("after:", error)


print("dbos", importlib.metadata.version("dbos"))
asyncio.run(main())
PY
timeout 60 venv/bin/python probe.py 2>/dev/null | tee seen
diff - seen <<'SEEN'
dbos 3.4.0
before: works
after: cannot schedule new futures after shutdown
SEEN
echo "Still so."
