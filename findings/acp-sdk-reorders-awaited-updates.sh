#!/usr/bin/env bash
# agent-client-protocol 0.12.1 (Python): a client whose `session_update` awaits anything gets the chunks out of order.
#
# Expected: one update after the other, in the order in which the agent wrote them, as they came over one pipe. Seen: each
# starts at once as a task of its own, so one that waits longer ends later. Put updates into a queue before awaiting.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check 'agent-client-protocol==0.12.1' 'pydantic==2.14.4'
cat > probe.py <<'PY'
import asyncio, importlib.metadata, sys
import acp

AGENT = """
import json, sys
def send(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    match message.get("method"):
        case "initialize":
            send(id=message["id"], result={"protocolVersion": 1, "agentCapabilities": {}})
        case "session/new":
            send(id=message["id"], result={"sessionId": "s"})
        case "session/prompt":
            for word in ("one ", "two ", "three "):
                chunk = {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": word}}
                send(method="session/update", params={"sessionId": "s", "update": chunk})
            send(id=message["id"], result={"stopReason": "end_turn"})
"""
text = ""
release = asyncio.Event()


class Client(acp.Client):
    async def session_update(self, session_id, update, **_):
        global text
        word = update.content.text
        if word == "one ":
            await release.wait()  # a row that is written to a database, say
        text += word
        if word == "three ":
            release.set()


async def main():
    async with acp.spawn_agent_process(Client(), sys.executable, "-c", AGENT) as (connection, _):
        await connection.initialize(protocol_version=1)
        session = await connection.new_session(cwd="/", mcp_servers=[])
        await connection.prompt(session_id=session.session_id, prompt=[acp.text_block("hello")])


print("agent-client-protocol", importlib.metadata.version("agent-client-protocol"))
asyncio.run(main())
print("sent: one two three")
print("seen:", text.strip())
PY
timeout 60 venv/bin/python probe.py | tee seen
diff - seen <<'SEEN'
agent-client-protocol 0.12.1
sent: one two three
seen: two three one
SEEN
echo "Still so."
