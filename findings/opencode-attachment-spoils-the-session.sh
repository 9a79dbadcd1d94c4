#!/usr/bin/env bash
# opencode 1.18.33 over ACP: after one attached JSON file, every later prompt of the session fails, also once it is resumed.
#
# Expected: at most that one prompt is refused. `initialize` announces `embeddedContext`, with which ACP (Content, Embedded
# Resource) allows a `blob` of any type; a PDF or a recording that the model cannot read becomes a sentence to the model.
# Seen: for `application/json` (or zip, or octet-stream) the provider's library throws while the conversation is made into a
# request. The attachment stays in the conversation, so each prompt after it gets the same -32603, and the model is not even
# called. Send such a file as text, or leave the session.
set -euo pipefail
export PYTHONPATH; PYTHONPATH=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . opencode-ai@1.18.33 > /dev/null
cat > probe.py <<'PY'
import base64, json
from agent_probe import completion, model_server, opencode, version

calls = []


def answer(path, body):
    if json.loads(body).get("tools"):
        calls.append(path)
    return completion("Done.")


def prompt(*blocks):
    calls.clear()
    response = agent.prompt(session, *blocks)
    error = response.get("error")
    what = f"error {error['code']}" if error else response["result"]["stopReason"]
    return f"{what}, {len(calls)} calls of the model"


def attached(name, kind):
    blob = base64.b64encode(b'{"a": 1}').decode()
    return {"type": "resource", "resource": {"uri": f"file:///{name}", "mimeType": kind, "blob": blob}}


address = model_server(answer)
agent = opencode(address, "work")
capabilities = agent.call("initialize", protocolVersion=1, clientCapabilities={})["result"]["agentCapabilities"]
session = agent.start()
print("opencode-ai", version("opencode-ai"))
print("embeddedContext:", capabilities["promptCapabilities"]["embeddedContext"])
print("with a PDF:", prompt(attached("a.pdf", "application/pdf"), "what is it?"))
print("with JSON:", prompt(attached("a.json", "application/json"), "what is it?"))
print("after it:", prompt("hello"))
agent.end()
agent = opencode(address, "work")
agent.call("session/resume", sessionId=session, cwd=agent.cwd, mcpServers=[])
print("resumed:", prompt("hello"))
agent.end()
PY
python3 -B probe.py | tee seen
diff - seen <<'SEEN'
opencode-ai 1.18.33
embeddedContext: True
with a PDF: end_turn, 1 calls of the model
with JSON: error -32603, 0 calls of the model
after it: error -32603, 0 calls of the model
resumed: error -32603, 0 calls of the model
SEEN
echo "Still so."
