#!/usr/bin/env bash
# opencode 1.18.33: a shell command that exits 3 is a tool call with status "completed".
#
# Expected: "failed", which ACP has for it. Seen: "completed"; the
# exit status is in `rawOutput.metadata.exit` only.
set -euo pipefail
export PYTHONPATH; PYTHONPATH=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . opencode-ai@1.18.33 > /dev/null
cat > probe.py <<'PY'
from agent_probe import model_server, one_command, opencode, version

agent = opencode(model_server(one_command("echo out; exit 3")), "work")
agent.prompt(agent.start(), "hello")
agent.end()
print("opencode-ai", version("opencode-ai"))
last = [each for each in agent.updates if each["sessionUpdate"] == "tool_call_update"][-1]
print("status", last["status"], "exit", last["rawOutput"]["metadata"]["exit"])
PY
python3 -B probe.py | tee seen
diff - seen <<'SEEN'
opencode-ai 1.18.33
status completed exit 3
SEEN
echo "Still so."
