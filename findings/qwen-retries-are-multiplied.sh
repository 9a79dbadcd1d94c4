#!/usr/bin/env bash
# qwen-code 0.24.4 over ACP: `maxRetries` multiplies another loop of seven tries that no setting names.
#
# Expected: `model.generationConfig.maxRetries: 0` asks a model that answers 500 once, and 1 asks it twice. Seen: 7 and 14
# requests, over a minute each and without a word to the client meanwhile. A client needs a deadline of its own.
set -euo pipefail
export PYTHONPATH; PYTHONPATH=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . @qwen-code/qwen-code@0.24.4 > /dev/null
cat > probe.py <<'PY'
from agent_probe import failure, model_server, qwen, version

requests = []


def fail(path, body):
    requests.append(path)
    return failure(500)


address = model_server(fail)


def run(retries):
    agent = qwen(address, f"work-{retries}", maxRetries=retries)
    session = agent.start()
    requests.clear()
    answer = agent.prompt(session, "hello")
    agent.end()
    print(f"maxRetries {retries}: {len(requests)} requests, then error {answer['error']['code']}")


print("qwen-code", version("@qwen-code/qwen-code"))
run(0)
run(1)
PY
python3 -B probe.py | tee seen
diff - seen <<'SEEN'
qwen-code 0.24.4
maxRetries 0: 7 requests, then error -32603
maxRetries 1: 14 requests, then error -32603
SEEN
echo "Still so."
