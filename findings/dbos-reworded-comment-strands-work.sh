#!/usr/bin/env bash
# dbos 3.4.0: after a restart with one comment of a workflow reworded, the work in progress is not resumed.
#
# Expected: the same name, the same steps, so recovery continues with it. Seen: the default application version is a hash of
# the workflows' source text, comments included; what an older "version" left stays PENDING, and nothing is logged. Set
# `application_version` yourself.
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
    # One wording.
    DBOS.sleep(1)
    return "done"


DBOS.launch()
if sys.argv[1] == "begin":
    print("dbos", importlib.metadata.version("dbos"), flush=True)
    with SetWorkflowID("w"):
        DBOS.start_workflow(job)
    os._exit(1)
threading.Event().wait(5)
print(sys.argv[1], DBOS.get_workflow_status("w").status)
DBOS.destroy()
PY
sed 's/One wording/Another wording/' probe.py > reworded.py
{
  timeout 60 venv/bin/python probe.py begin || true
  timeout 60 venv/bin/python reworded.py reworded:
  timeout 60 venv/bin/python probe.py "as it was:"
} 2>/dev/null | tee seen
diff - seen <<'SEEN'
dbos 3.4.0
reworded: PENDING
as it was: SUCCESS
SEEN
echo "Still so."
