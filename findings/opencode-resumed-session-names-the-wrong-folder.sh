#!/usr/bin/env bash
# opencode 1.18.33: `session/resume` with another `cwd` says that commands run there, and runs them in the old folder.
#
# Expected: the new folder is used, or the call is refused. Seen: `locations` and `rawInput.cwd`
# of the tool call name the new folder, while `pwd` prints the old one. A session's folder has to stay where it was.
set -euo pipefail
export PYTHONPATH; PYTHONPATH=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . opencode-ai@1.18.33 > /dev/null
cat > probe.py <<'PY'
import os
from agent_probe import model_server, one_command, opencode, version

address = model_server(one_command("pwd"))
first = opencode(address, "old")
session = first.start()
first.prompt(session, "hello")
first.process.stdin.close()
first.process.wait(timeout=30)
second = opencode(address, "new")
second.call("session/resume", sessionId=session, cwd=second.cwd, mcpServers=[])
second.prompt(session, "again")
second.end()
print("opencode-ai", version("opencode-ai"))
calls = [each for each in second.updates if each["sessionUpdate"] == "tool_call_update"]
named = {each["rawInput"]["cwd"] for each in calls if "rawInput" in each}
print("said:", *(os.path.basename(each) for each in named))
print("pwd: ", os.path.basename(calls[-1]["rawOutput"]["output"].strip()))
PY
python3 -B probe.py | tee seen
diff - seen <<'SEEN'
opencode-ai 1.18.33
said: new
pwd:  old
SEEN
echo "Still so."
