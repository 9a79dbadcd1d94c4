#!/usr/bin/env bash
# gemini-cli 0.61.0 over ACP: `session/cancel` removes the whole turn from the conversation, with the work that it has done.
#
# Expected: the agent stops, and its next turn knows what it was asked and what it has done, as with opencode, codex-acp and
# qwen-code; after a turn that ends with an error of the model, gemini-cli itself knows that as well. Seen: the model is
# sent neither the cancelled prompt nor the command that ran and its output, while the file that the command wrote is there.
# Whoever lets a user cancel and then say "go on, but ..." has to repeat the task, and to say what was done.
set -euo pipefail
export PYTHONPATH; PYTHONPATH=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . @google/gemini-cli@0.61.0 > /dev/null
cat > probe.py <<'PY'
import json, os, threading
from agent_probe import failure, gemini, gemini_part, model_server, version


def run(how):
    """What the model is sent for the second prompt, after a first turn that has run a command and then ended this way."""
    sent, waiting, ended = [], threading.Event(), threading.Event()

    def answer(path, body):
        sent.append([part for turn in json.loads(body)["contents"] for part in turn["parts"]])
        if len(sent) == 1:
            arguments = {"command": "touch made", "description": "one command"}
            return gemini_part({"functionCall": {"name": "run_shell_command", "args": arguments}})
        if len(sent) == 2 and how == "cancelled":
            waiting.set()
            ended.wait(60)
        if len(sent) == 2 and how == "failed":
            return failure(401)
        return gemini_part({"text": "Done."})

    def cancel():
        waiting.wait(60)
        agent.cancel(session)

    agent = gemini(model_server(answer), how)
    session = agent.start()
    agent.call("session/set_mode", sessionId=session, modeId="yolo")
    threading.Thread(target=cancel, daemon=True).start()
    first = agent.prompt(session, "First task.")
    print(f"{how}:", first["result"] if "result" in first else f"error {first['error']['code']}")
    print("  file that the command wrote:", os.path.exists(f"{how}/made"))
    ended.set()
    agent.prompt(session, "Second task.")
    agent.end()
    parts = sent[-1]
    for task in ("First task.", "Second task."):
        print(f"  model is sent {task!r}:", any(part.get("text") == task for part in parts))
    kinds = {kind for part in parts for kind in part}
    print("  model is sent the command and its output:", {"functionCall", "functionResponse"} <= kinds)


print("gemini-cli", version("@google/gemini-cli"))
run("failed")
run("cancelled")
PY
python3 -B probe.py | tee seen
diff - seen <<'SEEN'
gemini-cli 0.61.0
failed: error 401
  file that the command wrote: True
  model is sent 'First task.': True
  model is sent 'Second task.': True
  model is sent the command and its output: True
cancelled: {'stopReason': 'cancelled'}
  file that the command wrote: True
  model is sent 'First task.': False
  model is sent 'Second task.': True
  model is sent the command and its output: False
SEEN
echo "Still so."
