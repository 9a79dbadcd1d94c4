#!/usr/bin/env bash
# gemini-cli 0.61.0 over ACP: a shell command appears as a `tool_call_update` for a call that no `tool_call` announced.
#
# Expected: `tool_call` first, then its updates, as the protocol describes it; the command's output in one of them; "failed"
# for a command that exits 3. Seen: one update, "completed", with empty content: what was printed is in no message at all.
set -euo pipefail
export PYTHONPATH; PYTHONPATH=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . @google/gemini-cli@0.61.0 > /dev/null
cat > probe.py <<'PY'
import json
from agent_probe import gemini, gemini_part, model_server, version


def answer(path, body):
    said = json.loads(body)
    if any("functionResponse" in part for turn in said["contents"] for part in turn["parts"]):
        return gemini_part({"text": "Done."})
    call = {"name": "run_shell_command", "args": {"command": "echo printed; exit 3", "description": "one command"}}
    return gemini_part({"functionCall": call})


agent = gemini(model_server(answer), "work")
result = agent.prompt(agent.start(), "hello")
agent.end()
print("gemini-cli", version("@google/gemini-cli"))
calls = [each for each in agent.updates if each["sessionUpdate"].startswith("tool_call")]
for each in calls:
    print(each["sessionUpdate"], each["status"], "content", each["content"])
print("output anywhere:", "printed\\n" in json.dumps([agent.updates, result]))
PY
python3 -B probe.py | tee seen
diff - seen <<'SEEN'
gemini-cli 0.61.0
tool_call_update completed content []
output anywhere: False
SEEN
echo "Still so."
