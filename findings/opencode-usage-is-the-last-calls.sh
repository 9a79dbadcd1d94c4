#!/usr/bin/env bash
# opencode 1.18.33 over ACP: the usage in the answer to `session/prompt` is that of the turn's last model call.
#
# Expected: the tokens of the turn, as codex-acp and claude-agent-acp count them: four calls of 100 and 10 tokens are 400 and
# 40. Seen: 100 and 10, whatever came before. A turn of many calls, each with the whole conversation, costs many times what
# is reported; who bills or limits by it has to count the calls itself.
set -euo pipefail
export PYTHONPATH; PYTHONPATH=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . opencode-ai@1.18.33 > /dev/null
cat > probe.py <<'PY'
import json
from agent_probe import completion, model_server, opencode, version

calls = []


def three_commands(path, body):
    """A model that has three commands run one after the other, and then says that it is done."""
    if not json.loads(body).get("tools"):
        return completion("A title")
    calls.append(path)
    command = f"echo {len(calls)}" if len(calls) <= 3 else None
    return completion("Done.", command=command, prompt_tokens=100, completion_tokens=10)


agent = opencode(model_server(three_commands), "work")
usage = agent.prompt(agent.start(), "hello")["result"]["usage"]
agent.end()
print("opencode-ai", version("opencode-ai"))
print("model calls", len(calls), "of 100 and 10 tokens")
print("reported", usage["inputTokens"], "and", usage["outputTokens"])
PY
python3 -B probe.py | tee seen
diff - seen <<'SEEN'
opencode-ai 1.18.33
model calls 4 of 100 and 10 tokens
reported 100 and 10
SEEN
echo "Still so."
