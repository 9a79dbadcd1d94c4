#!/usr/bin/env bash
# codex-acp 2.6.0: a turn whose model answered 500 ends like one that succeeded.
#
# Expected: a JSON-RPC error, as for a 401 (-32000), or at least another stopReason. Seen: "end_turn" with usage null, and
# the reason arrives as the agent's own words. Only `_meta.codex.threadStatus` tells: "systemError".
set -euo pipefail
export PYTHONPATH; PYTHONPATH=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . @agentclientprotocol/codex-acp@2.6.0 > /dev/null
cat > probe.py <<'PY'
from agent_probe import codex, failure, model_server, version


def run(status):
    agent = codex(model_server(lambda path, body: failure(status)), f"work-{status}")
    answer = agent.prompt(agent.start(), "hello")
    agent.end()
    metas = (each.get("_meta", {}).get("codex", {}) for each in agent.updates)
    threads = [meta["threadStatus"]["type"] for meta in metas if "threadStatus" in meta]
    if "error" in answer:
        print(f"model {status}: error {answer['error']['code']}")
    else:
        result = answer["result"]
        print(f"model {status}: stopReason {result['stopReason']}, usage {result['usage']}, thread {threads[-1]}")


print("codex-acp", version("@agentclientprotocol/codex-acp"))
run(401)
run(500)
PY
python3 -B probe.py | tee seen
diff - seen <<'SEEN'
codex-acp 2.6.0
model 401: error -32000
model 500: stopReason end_turn, usage None, thread systemError
SEEN
echo "Still so."
