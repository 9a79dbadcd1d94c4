#!/usr/bin/env bash
# opencode 1.18.33 and gemini-cli 0.61.0 over ACP: an answer that the model's token limit cut off ends as `end_turn`.
#
# Expected: "max_tokens", and "refusal" for an answer that a filter stopped: ACP (Prompt Turn, Stop Reasons) has a reason for
# each, and "end_turn" means that the model has finished. Seen: opencode reports only the filter, gemini-cli neither, and
# nothing else in the answer or in an update differs. Half an answer passes for a whole one, unless the client reads the
# model's own `finish_reason` on its way.
set -euo pipefail
export PYTHONPATH; PYTHONPATH=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . opencode-ai@1.18.33 @google/gemini-cli@0.61.0 > /dev/null
cat > probe.py <<'PY'
from agent_probe import completion, gemini, gemini_part, model_server, opencode, version

HALF = "First delete the old table, but only after you have"


def run(start, response, reason):
    agent = start(model_server(lambda path, body: response), "work")
    result = agent.prompt(agent.start(), "how do I migrate?")["result"]
    agent.end()
    chunks = [each for each in agent.updates if each["sessionUpdate"] == "agent_message_chunk"]
    assert "".join(each["content"]["text"] for each in chunks) == HALF
    print(f"  {reason}: {result['stopReason']}, has {', '.join(sorted(result))}")


print("opencode-ai", version("opencode-ai"))
for reason in ("stop", "length", "content_filter"):
    run(opencode, completion(HALF, reason=reason), reason)
print("gemini-cli", version("@google/gemini-cli"))
for reason in ("STOP", "MAX_TOKENS", "SAFETY"):
    run(gemini, gemini_part({"text": HALF}, reason), reason)
PY
python3 -B probe.py | tee seen
diff - seen <<'SEEN'
opencode-ai 1.18.33
  stop: end_turn, has _meta, stopReason, usage
  length: end_turn, has _meta, stopReason, usage
  content_filter: refusal, has _meta, stopReason, usage
gemini-cli 0.61.0
  STOP: end_turn, has _meta, stopReason
  MAX_TOKENS: end_turn, has _meta, stopReason
  SAFETY: end_turn, has _meta, stopReason
SEEN
echo "Still so."
