#!/usr/bin/env bash
# gemini-cli 0.61.0 over ACP: `session/load` within the clock minute in which the session was created loses the session.
#
# Expected: the conversation goes on, as it does when the minute is over. Seen: "No previous sessions found for this
# project", and the session is gone for later loads too: its file's name has the minute in it, and the new process starts
# that file anew. Who lets a user answer at once has to wait for the next minute before it starts the agent again.
set -euo pipefail
export PYTHONPATH; PYTHONPATH=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . @google/gemini-cli@0.61.0 > /dev/null
cat > probe.py <<'PY'
import time
from agent_probe import gemini, gemini_part, model_server, version

address = model_server(lambda path, body: gemini_part({"text": "Done."}))


def wait_for_minute(is_over):
    while not is_over(time.gmtime()):
        time.sleep(0.2)


def load(cwd, session):
    agent = gemini(address, cwd)
    answer = agent.call("session/load", sessionId=session, cwd=agent.cwd, mcpServers=[])
    agent.end()
    return answer["error"]["data"]["details"] if "error" in answer else "loaded"


def begin(cwd):
    wait_for_minute(lambda now: now.tm_sec < 20)
    agent = gemini(address, cwd)
    session = agent.start()
    minute = time.gmtime().tm_min
    agent.prompt(session, "hello")
    agent.end()
    return session, minute


print("gemini-cli", version("@google/gemini-cli"))
session, minute = begin("early")
print("in the same minute:", load("early", session))
other, minute = begin("late")
wait_for_minute(lambda now: now.tm_min != minute)
print("in the next minute:", load("late", other))
print("in the next minute, after a load in the same one:", load("early", session))
PY
python3 -B probe.py | tee seen
diff - seen <<'SEEN'
gemini-cli 0.61.0
in the same minute: No previous sessions found for this project.
in the next minute: loaded
in the next minute, after a load in the same one: No previous sessions found for this project.
SEEN
echo "Still so."
