#!/usr/bin/env bash
# opencode 1.18.33 over ACP: a prompt whose first word is a path is answered with `end_turn`, and the model is never asked.
#
# Expected: what is no command of the agent is a prompt, as in codex-acp, gemini-cli and qwen-code. Seen: any text that
# begins with a slash, even after a space, is taken for a command; one of a name that opencode does not have ends at once,
# without a message, an error or usage. A file's path or the command of another bot ("/retest") is enough; put a word first.
set -euo pipefail
export PYTHONPATH; PYTHONPATH=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . opencode-ai@1.18.33 > /dev/null
cat > probe.py <<'PY'
import json
from agent_probe import completion, model_server, opencode, version

asked = []


def answer(path, body):
    if json.loads(body).get("tools"):  # the title of the session is asked for without
        asked.append(path)
    return completion("Done.")


print("opencode-ai", version("opencode-ai"))
agent = opencode(model_server(answer), "work")
session = agent.start()
for text in ("/src/app.py raises KeyError", " /src/app.py raises KeyError", "/retest", "In /src/app.py is a KeyError"):
    asked.clear()
    agent.updates.clear()
    result = agent.prompt(session, text)["result"]
    said = [each["content"]["text"] for each in agent.updates if each["sessionUpdate"] == "agent_message_chunk"]
    usage = "usage" if "usage" in result else "no usage"
    print(f"{text!r}: {result['stopReason']}, {usage}, model asked {len(asked)} times, said {said}")
agent.end()
PY
python3 -B probe.py | tee seen
diff - seen <<'SEEN'
opencode-ai 1.18.33
'/src/app.py raises KeyError': end_turn, no usage, model asked 0 times, said []
' /src/app.py raises KeyError': end_turn, no usage, model asked 0 times, said []
'/retest': end_turn, no usage, model asked 0 times, said []
'In /src/app.py is a KeyError': end_turn, usage, model asked 1 times, said ['Done.']
SEEN
echo "Still so."
