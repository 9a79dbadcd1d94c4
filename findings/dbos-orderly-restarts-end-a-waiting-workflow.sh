#!/usr/bin/env bash
# dbos 3.4.0: orderly restarts of the application end a workflow that only waits, with MAX_RECOVERY_ATTEMPTS_EXCEEDED.
#
# Expected: `max_recovery_attempts` ends workflows that take their process down again and again. Seen: each start of the
# application counts, after DBOS.destroy() as after a crash; once there were as many, the next one does not resume the
# workflow any more, although none of its steps has failed. With the default of 100, three
# releases a day are enough within five weeks: what waits for people needs a larger number, or None.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check 'dbos==3.4.0'
cat > probe.py <<'PY'
import asyncio, importlib.metadata, sys, threading
from dbos import DBOS, SetWorkflowID

DBOS(config={"name": "finding", "system_database_url": "sqlite:///finding.sqlite", "log_level": "CRITICAL"})
start, limit = sys.argv[1], None if sys.argv[2] == "None" else int(sys.argv[2])
waits = threading.Event()


@DBOS.workflow(max_recovery_attempts=limit)
async def job():
    waits.set()
    return await DBOS.recv_async("answer", timeout_seconds=3600)


async def main():
    DBOS.launch()
    if start == "1":
        with SetWorkflowID(f"limit-{limit}"):
            await DBOS.start_workflow_async(job)
    waiting = await asyncio.to_thread(waits.wait, 10)
    status = await DBOS.get_workflow_status_async(f"limit-{limit}")
    print(f"limit {limit}, start {start}: {status.status},", "waits" if waiting else "is not resumed")
    DBOS.destroy()


asyncio.run(main())
PY
{
  venv/bin/python -c 'import importlib.metadata; print("dbos", importlib.metadata.version("dbos"))'
  for limit in 2 None; do
    for start in 1 2 3 4; do
      timeout 60 venv/bin/python probe.py "$start" "$limit"
    done
  done
} 2>/dev/null | tee seen
diff - seen <<'SEEN'
dbos 3.4.0
limit 2, start 1: PENDING, waits
limit 2, start 2: PENDING, waits
limit 2, start 3: PENDING, waits
limit 2, start 4: MAX_RECOVERY_ATTEMPTS_EXCEEDED, is not resumed
limit None, start 1: PENDING, waits
limit None, start 2: PENDING, waits
limit None, start 3: PENDING, waits
limit None, start 4: PENDING, waits
SEEN
echo "Still so."
