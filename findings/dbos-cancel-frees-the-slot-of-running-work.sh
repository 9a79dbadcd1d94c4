#!/usr/bin/env bash
# dbos 3.4.0: on a queue with concurrency 1, cancelling a workflow lets the next one start while the first still works.
#
# Expected: the slot is free once the work has ended. Seen: the row says CANCELLED at once and the next workflow starts;
# the first continues with its next step. What must not run beside itself (a working folder, a process) needs a lock of its own.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check 'dbos==3.4.0'
cat > probe.py <<'PY'
import importlib.metadata, os, sys, threading
from dbos import DBOS, SetEnqueueOptions, SetWorkflowID

DBOS(config={"name": "finding", "system_database_url": "sqlite:///finding.sqlite", "log_level": "CRITICAL"})

first_works, second_started = threading.Event(), threading.Event()


@DBOS.workflow()
def first():
    first_works.set()
    print("second starts while the first works:", second_started.wait(20), flush=True)


@DBOS.workflow()
def second():
    second_started.set()


print("dbos", importlib.metadata.version("dbos"))
DBOS.launch()
DBOS.register_queue("one", concurrency=1, polling_interval_sec=0.1)
working = DBOS.enqueue_workflow("one", first)
first_works.wait(20)
waiting = DBOS.enqueue_workflow("one", second)
print("second starts by itself:", second_started.wait(2))
DBOS.cancel_workflow(working.workflow_id)
print("first is", working.get_status().status, flush=True)
waiting.get_result()
threading.Event().wait(0.5)
DBOS.destroy()
PY
timeout 60 venv/bin/python probe.py 2>/dev/null | tee seen
diff - seen <<'SEEN'
dbos 3.4.0
second starts by itself: False
first is CANCELLED
second starts while the first works: True
SEEN
echo "Still so."
