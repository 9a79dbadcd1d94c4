#!/usr/bin/env bash
# opencode 1.18.33: `session/cancel` during the wait between two tries of a model that fails answers "end_turn".
#
# Expected: "cancelled", which the protocol asks for after a cancel. Seen: "end_turn" without a word of text, the same as a
# turn that had nothing to say. Who cancels has to remember that it did.
set -euo pipefail
export PYTHONPATH; PYTHONPATH=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . opencode-ai@1.18.33 > /dev/null
cat > probe.py <<'PY'
import threading
from agent_probe import failure, model_server, opencode, version

failed = threading.Event()


def fail(path, body):
    failed.set()
    return failure(500)


agent = opencode(model_server(fail), "work")
session = agent.start()


def cancel():
    failed.wait()
    # The first waits between tries are 2 s and longer: this is in the middle of one.
    threading.Event().wait(1)
    agent.cancel(session)


threading.Thread(target=cancel, daemon=True).start()
answer = agent.prompt(session, "hello")
agent.end()
print("opencode-ai", version("opencode-ai"))
texts = [each for each in agent.updates if each["sessionUpdate"] == "agent_message_chunk"]
print("after session/cancel: stopReason", answer["result"]["stopReason"], "with", len(texts), "messages")
PY
python3 -B probe.py | tee seen
diff - seen <<'SEEN'
opencode-ai 1.18.33
after session/cancel: stopReason end_turn with 0 messages
SEEN
echo "Still so."
