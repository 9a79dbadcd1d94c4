#!/usr/bin/env bash
# gemini-cli 0.61.0 over ACP: the `code` of the JSON-RPC error is the HTTP status of the model's server.
#
# Expected: one of ACP's codes (-32000: authentication required) or -32603. Seen: 401, a positive number that JSON-RPC gives
# no meaning; the message is the body of the answer as text. A table of ACP's codes does not match it.
set -euo pipefail
export PYTHONPATH; PYTHONPATH=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . @google/gemini-cli@0.61.0 > /dev/null
cat > probe.py <<'PY'
import json
from agent_probe import gemini, model_server, version

body = json.dumps({"error": {"code": 401, "message": "made up", "status": "UNAUTHENTICATED"}})
agent = gemini(model_server(lambda path, _: (401, "application/json", body.encode())), "work")
error = agent.prompt(agent.start(), "hello")["error"]
agent.end()
print("gemini-cli", version("@google/gemini-cli"))
print("code", error["code"], "message", json.loads(error["message"])["error"]["status"])
PY
python3 -B probe.py | tee seen
diff - seen <<'SEEN'
gemini-cli 0.61.0
code 401 message UNAUTHENTICATED
SEEN
echo "Still so."
