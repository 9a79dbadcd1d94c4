#!/usr/bin/env bash
# gemini-cli 0.61.0 and qwen-code 0.24.4 over ACP: the text after an attached resource becomes a part of its address.
#
# Expected: the blocks of a prompt reach the model one by one, or with something between them. Seen: both join texts and
# addresses without a separator, so that "Fix", a log and "and add a test" are "Fix@https://ci.example/7and add a test": an
# address that does not exist. Who attaches a job's log or a file has to end and begin the texts around it with a line break.
set -euo pipefail
export PYTHONPATH; PYTHONPATH=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . @google/gemini-cli@0.61.0 @qwen-code/qwen-code@0.24.4 > /dev/null
cat > probe.py <<'PY'
import json
from agent_probe import completion, gemini, gemini_part, model_server, qwen, version

sent = []


def gemini_model(path, body):
    sent.extend(part.get("text", "") for turn in json.loads(body)["contents"] for part in turn["parts"])
    return gemini_part({"text": "Done."})


def openai_model(path, body):
    for message in json.loads(body)["messages"]:
        content = message.get("content") or ""
        sent.extend([content] if isinstance(content, str) else [part.get("text", "") for part in content])
    return completion("Done.")


def run(name, agent):
    sent.clear()
    log = {"uri": "https://ci.example/7", "mimeType": "text/plain", "text": "E   KeyError: 'id'"}
    agent.prompt(agent.start(), "Fix", {"type": "resource", "resource": log}, "and add a test")
    agent.end()
    print(f"{name}:", *dict.fromkeys(line for text in sent for line in text.splitlines() if line.startswith("Fix")))


run(f"gemini-cli {version('@google/gemini-cli')}", gemini(model_server(gemini_model), "gemini"))
run(f"qwen-code {version('@qwen-code/qwen-code')}", qwen(model_server(openai_model), "qwen"))
PY
python3 -B probe.py | tee seen
diff - seen <<'SEEN'
gemini-cli 0.61.0: Fix@https://ci.example/7and add a test
qwen-code 0.24.4: Fix@https://ci.example/7and add a test
SEEN
echo "Still so."
