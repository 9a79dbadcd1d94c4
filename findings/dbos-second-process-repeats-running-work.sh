#!/usr/bin/env bash
# dbos 3.4.0: the start of a second process on the same database runs the work again that the first one is in the middle of.
#
# Expected: work is resumed when its process is gone. Seen: a process that starts puts into a queue what is PENDING for its
# executor id, which is "local" for all of them unless it is set; nothing asks whether the owner lives, and one of the two
# runs it beside the run that goes on. A second replica, or a script that launches DBOS only to look at a status, is enough.
# Set `executor_id`, another one for each process.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check 'dbos==3.4.0'
cat > probe.py <<'PY'
import importlib.metadata, pathlib, subprocess, sys, threading
from dbos import DBOS

role, ids = sys.argv[1:]
config = {"name": "finding", "system_database_url": f"sqlite:///{ids}.sqlite", "log_level": "CRITICAL"}
if ids == "set":
    config["executor_id"] = role
DBOS(config=config)
begun = pathlib.Path(f"{ids}.begun")


@DBOS.step()
def work():
    with begun.open("a") as file:
        file.write("x")
    if begun.read_text() != "x":
        return
    second = subprocess.Popen([sys.executable, __file__, "second", ids], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    second.stdout.readline()  # it is up
    for _ in range(50):
        if begun.read_text() != "x":
            break
        threading.Event().wait(0.2)
    print(f"executor ids {ids}: begun", len(begun.read_text()), "times while the first run goes on", flush=True)
    second.communicate()


@DBOS.workflow()
def job():
    work()


if role == "first" and ids == "unset":
    print("dbos", importlib.metadata.version("dbos"), flush=True)
DBOS.launch()
if role == "first":
    job()
else:
    print("up", flush=True)
    sys.stdin.read()
DBOS.destroy()
PY
{
  timeout 60 venv/bin/python probe.py first unset
  timeout 60 venv/bin/python probe.py first set
} 2>/dev/null | tee seen
diff - seen <<'SEEN'
dbos 3.4.0
executor ids unset: begun 2 times while the first run goes on
executor ids set: begun 1 times while the first run goes on
SEEN
echo "Still so."
