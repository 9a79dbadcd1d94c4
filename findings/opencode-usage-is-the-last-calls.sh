#!/usr/bin/env bash
# opencode 1.18.33 over ACP: the usage in the answer to `session/prompt` is that of the turn's last model call.
#
# Expected: the tokens of the turn, as codex-acp and claude-agent-acp count them: four calls of 100 and 10 tokens are 400 and
# 40. Seen: 100 and 10, whatever came before. A turn of many calls, each with the whole conversation, costs many times what
# is reported; who bills or limits by it has to count the calls itself.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . opencode-ai@1.18.33 > /dev/null
cat > probe.py <<'PY'
import json, os, queue, subprocess, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

requests, calls = [], []


def model_server(answer):
    """Serves a model on loopback; answer(path, body) returns (status, content type, bytes)."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            requests.append(self.path)
            status, kind, data = answer(self.path, body)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


class Agent:
    """A coding agent that speaks ACP (JSON-RPC, a message a line); permissions are granted once."""

    def __init__(self, command, env, cwd):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], **env}, cwd=cwd, start_new_session=True,
        )
        self.answers, self.updates, self.last = queue.Queue(), [], 0
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if message.get("method") == "session/request_permission":
                once = next(each for each in message["params"]["options"] if each["kind"] == "allow_once")
                outcome = {"outcome": "selected", "optionId": once["optionId"]}
                self.send({"id": message["id"], "result": {"outcome": outcome}})
            elif message.get("method") == "session/update":
                self.updates.append(message["params"]["update"])
            elif "method" not in message:
                self.answers.put(message)

    def send(self, message):
        self.process.stdin.write((json.dumps({"jsonrpc": "2.0", **message}) + "\n").encode())
        self.process.stdin.flush()

    def call(self, method, **params):
        self.last += 1
        self.send({"id": self.last, "method": method, "params": params})
        while True:
            answer = self.answers.get(timeout=120)
            if answer.get("id") == self.last:
                return answer

    def prompt(self, session, text):
        return self.call("session/prompt", sessionId=session, prompt=[{"type": "text", "text": text}])

    def start(self, cwd):
        return self.call("session/new", cwd=cwd, mcpServers=[])["result"]["sessionId"]

    def end(self):
        os.killpg(self.process.pid, 9)



def completion(delta, reason):
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "fake"}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    chunks = [
        {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}], "usage": usage},
    ]
    return "".join(f"data: {json.dumps(each)}\n\n" for each in chunks).encode() + b"data: [DONE]\n\n"


def three_commands(path, body):
    """A model that has three commands run one after the other, and then says that it is done."""
    said = json.loads(body)
    if not said.get("tools"):
        return 200, "text/event-stream", completion({"role": "assistant", "content": "A title"}, "stop")
    calls.append(path)
    if len(calls) > 3:
        return 200, "text/event-stream", completion({"role": "assistant", "content": "Done."}, "stop")
    function = {"name": "bash", "arguments": json.dumps({"command": f"echo {len(calls)}", "description": "one command"})}
    wanted = [{"index": 0, "id": f"call_{len(calls)}", "type": "function", "function": function}]
    return 200, "text/event-stream", completion({"role": "assistant", "tool_calls": wanted}, "tool_calls")


def opencode(address, cwd):
    home = os.path.abspath("home")
    os.makedirs(f"{home}/.config/opencode", exist_ok=True)
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": f"{address}/v1", "apiKey": "none"},
        "models": {"fake": {"name": "fake"}},
    }
    with open(f"{home}/.config/opencode/opencode.json", "w") as file:
        json.dump({"model": "x/fake", "small_model": "x/fake", "provider": {"x": provider}}, file)
    off = ("MODELS_FETCH", "AUTOUPDATE", "LSP_DOWNLOAD", "DEFAULT_PLUGINS")
    env = {"HOME": home, **{f"OPENCODE_DISABLE_{name}": "1" for name in off}}
    agent = Agent([os.path.abspath("node_modules/.bin/opencode"), "acp"], env, cwd)
    agent.call("initialize", protocolVersion=1, clientCapabilities={})
    return agent


print("opencode-ai", json.load(open("node_modules/opencode-ai/package.json"))["version"])

cwd = os.path.abspath("work")
os.makedirs(cwd)
agent = opencode(model_server(three_commands), cwd)
answer = agent.prompt(agent.start(cwd), "hello")
agent.end()
usage = answer["result"]["usage"]
print("model calls", len(calls), "of 100 and 10 tokens")
print("reported", usage["inputTokens"], "and", usage["outputTokens"])
PY
python3 probe.py | tee seen
diff - seen <<'SEEN'
opencode-ai 1.18.33
model calls 4 of 100 and 10 tokens
reported 100 and 10
SEEN
echo "Still so."
