#!/usr/bin/env bash
# cline 3.0.65 over ACP: links and images in a prompt are dropped, without a word.
#
# Expected: that both reach the model. Every agent has to support links (ACP's schema, PromptRequest: text and resource links
# are the baseline), and `initialize` announces `image`. Seen: only the text is sent to the model, and the prompt ends as
# usual; one that consists of a link or an image alone is `end_turn` without any call of the model. Name files in the text.
set -euo pipefail
export PYTHONPATH; PYTHONPATH=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . cline@3.0.65 > /dev/null
cat > probe.py <<'PY'
import json, os, subprocess
from agent_probe import Agent, completion, model_server, version

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
LINK = {"type": "resource_link", "uri": "file:///notes.txt", "name": "notes.txt"}
IMAGE = {"type": "image", "mimeType": "image/png", "data": PNG}
calls = []


def answer(path, body):
    calls.append(body.decode())
    return completion("Done.")


address = model_server(answer)
home = os.path.abspath("home")
os.makedirs(home)
env = {"HOME": home, "CLINE_SESSION_BACKEND_MODE": "local", "CLINE_API_KEY": "none", "CLINE_PROVIDER": "openai-compatible"}
stored = ["--provider", "openai", "--apikey", "none", "--modelid", "my-model", "--baseurl", f"{address}/v1"]
auth = [os.path.abspath("node_modules/.bin/cline"), "auth", *stored]
subprocess.run(auth, env={"PATH": os.environ["PATH"], **env}, check=True, stdout=subprocess.DEVNULL)
agent = Agent("cline", "work", env, "--acp")
capabilities = agent.call("initialize", protocolVersion=1, clientCapabilities={})["result"]["agentCapabilities"]
session = agent.start()
print("cline", version("cline"))
print("announced: image", capabilities["promptCapabilities"]["image"])
for name, block, mark in (("link", LINK, "notes.txt"), ("image", IMAGE, PNG)):
    for *text, what in (("What is this?", f"text and {name}"), (f"{name} alone",)):
        calls.clear()
        stop = agent.prompt(session, *text, block)["result"]["stopReason"]
        print(f"{what}: {stop}, {len(calls)} calls, with the {name}: {any(mark in call for call in calls)}")
agent.end()
PY
python3 -B probe.py | tee seen
diff - seen <<'SEEN'
cline 3.0.65
announced: image True
text and link: end_turn, 1 calls, with the link: False
link alone: end_turn, 0 calls, with the link: False
text and image: end_turn, 1 calls, with the image: False
image alone: end_turn, 0 calls, with the image: False
SEEN
echo "Still so."
