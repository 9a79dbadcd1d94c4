#!/usr/bin/env bash
# cline 3.0.65 over ACP: a session does not use the model that `cline auth` has stored.
#
# Expected: the model of `cline auth --modelid`, which the command line itself uses. Seen: "gpt-4o" is the session's model and
# is asked for at the configured address; only the session's config option "model" changes that. Where the address serves
# that model too, nothing tells but the bill.
set -euo pipefail
export PYTHONPATH; PYTHONPATH=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . cline@3.0.65 > /dev/null
cat > probe.py <<'PY'
import json, os, subprocess
from agent_probe import Agent, completion, model_server, version

models = []


def answer(path, body):
    models.append(json.loads(body)["model"])
    return completion("Done.")


address = model_server(answer)
home = os.path.abspath("home")
os.makedirs(home)
cline = os.path.abspath("node_modules/.bin/cline")
env = {"HOME": home, "CLINE_SESSION_BACKEND_MODE": "local", "CLINE_API_KEY": "none", "CLINE_PROVIDER": "openai-compatible"}
stored = ["--provider", "openai", "--apikey", "none", "--modelid", "my-model", "--baseurl", f"{address}/v1"]
subprocess.run([cline, "auth", *stored], env={"PATH": os.environ["PATH"], **env}, check=True, stdout=subprocess.DEVNULL)
agent = Agent("cline", "work", env, "--acp")
session = agent.start()
agent.prompt(session, "hello")
agent.call("session/set_config_option", sessionId=session, configId="model", value="my-model")
agent.prompt(session, "hello")
agent.end()
print("cline", version("cline"))
print("stored: my-model; asked for:", models[0])
print("after the config option model=my-model:", models[-1])
PY
python3 -B probe.py | tee seen
diff - seen <<'SEEN'
cline 3.0.65
stored: my-model; asked for: gpt-4o
after the config option model=my-model: my-model
SEEN
echo "Still so."
