#!/usr/bin/env bash
# dbos 3.4.0: enqueueing without a partition key on a partitioned queue, or on a queue that does not exist, is accepted.
#
# Expected: an error, as for a duplicate deduplication id. Seen: a handle, and the workflow stays ENQUEUED: nothing ever
# takes it, and nothing is logged. A key on a queue that has no partitions, on the other hand, runs.
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


@DBOS.workflow()
def job():
    return None


print("dbos", importlib.metadata.version("dbos"))
DBOS.launch()
DBOS.register_queue("partitioned", partition_concurrency=1, polling_interval_sec=0.1)
DBOS.register_queue("plain", polling_interval_sec=0.1)
keyless = DBOS.enqueue_workflow("partitioned", job)
nowhere = DBOS.enqueue_workflow("no-such-queue", job)
with SetEnqueueOptions(queue_partition_key="k"):
    keyed = DBOS.enqueue_workflow("partitioned", job)
    superfluous = DBOS.enqueue_workflow("plain", job)
keyed.get_result()
superfluous.get_result()
threading.Event().wait(2)
print("partitioned, with a key:", keyed.get_status().status)
print("partitioned, without:   ", keyless.get_status().status)
print("no such queue:          ", nowhere.get_status().status)
print("plain, with a key:      ", superfluous.get_status().status)
DBOS.destroy()
PY
timeout 60 venv/bin/python probe.py 2>/dev/null | tee seen
diff - seen <<'SEEN'
dbos 3.4.0
partitioned, with a key: SUCCESS
partitioned, without:    ENQUEUED
no such queue:           ENQUEUED
plain, with a key:       SUCCESS
SEEN
echo "Still so."
