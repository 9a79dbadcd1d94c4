#!/usr/bin/env bash
# dbos 3.4.0: a workflow that catches a step's error takes another branch when it is replayed.
#
# Expected: the error that was recorded is raised again. Seen: it is rebuilt from `args` alone (pickle), so a class whose
# constructor takes two arguments and hands one to Exception comes back as TypeError, and `except` no longer catches it.
# httpx's and gidgethub's errors are of that kind. What leaves a step has to keep all of its data in `args`.
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


class Refused(Exception):
    def __init__(self, status, reason):
        super().__init__(f"{status} {reason}")
        self.status = status


@DBOS.step()
def ask():
    raise Refused(404, "not here")


@DBOS.step()
def last():
    return None


@DBOS.workflow()
def look():
    try:
        ask()
    except Refused as error:
        found = f"caught Refused {error.status}"
    except Exception as error:
        found = f"caught {type(error).__name__}"
    last()
    return found


print("dbos", importlib.metadata.version("dbos"))
DBOS.launch()
with SetWorkflowID("w"):
    print("run:     ", look())
print("replayed:", DBOS.fork_workflow("w", 2).get_result())
DBOS.destroy()
PY
timeout 60 venv/bin/python probe.py 2>/dev/null | tee seen
diff - seen <<'SEEN'
dbos 3.4.0
run:      caught Refused 404
replayed: caught TypeError
SEEN
echo "Still so."
