#!/usr/bin/env bash
# opencode 1.18.33 over ACP: after a permitted edit, it calls `fs/write_text_file` at a client that does not have the method.
#
# Expected: no such call. ACP (File System, Checking Support): where `writeTextFile` is false or absent, the agent MUST NOT
# attempt it. Seen: each edit that asked for permission is followed by that request, with the file's new content, and opencode
# writes the file itself all the same: what the client answers has no effect, not even an error. A client has to refuse
# requests that it has never offered; one that takes them writes each edit a second time.
set -euo pipefail
export PYTHONPATH; PYTHONPATH=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . opencode-ai@1.18.33 > /dev/null
cat > probe.py <<'PY'
import json
from pathlib import Path
from agent_probe import completion, model_server, opencode, version

file = Path("work/new.txt").absolute()


def one_file(_path, body):
    said = json.loads(body)
    if not said.get("tools") or said["messages"][-1]["role"] == "tool":
        return completion("Done.")
    return completion(call=("write", {"filePath": str(file), "content": "hello"}))


agent = opencode(model_server(one_file), "work", permission={"edit": "ask"})
result = agent.prompt(agent.start(), "write the file")["result"]
agent.end()
print("opencode-ai", version("opencode-ai"))
for each in agent.refused:
    print("called:", each["method"], "with", each["params"]["content"])
print("answered: method not found; the file:", file.read_text())
print("the edit:", [each["status"] for each in agent.updates if each["sessionUpdate"] == "tool_call_update"][-1])
PY
python3 -B probe.py | tee seen
diff - seen <<'SEEN'
opencode-ai 1.18.33
called: fs/write_text_file with hello
answered: method not found; the file: hello
the edit: completed
SEEN
echo "Still so."
