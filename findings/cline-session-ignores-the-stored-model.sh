#!/usr/bin/env bash
# cline 3.0.65 over ACP: a session does not use the model that `cline auth` has stored.
#
# Expected: the model of `cline auth --modelid`, which the command line itself uses. Seen: "gpt-4o" is the session's model and
# is asked for at the configured address; only the session's config option "model" changes that. Where the address serves
# that model too, nothing tells but the bill.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . cline@3.0.65 > /dev/null
cat > probe.py <<'PY'
import json, os, queue, subprocess, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

requests, models = [], []


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
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    chunks = [
        {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}], "usage": usage},
    ]
    return "".join(f"data: {json.dumps(each)}\n\n" for each in chunks).encode() + b"data: [DONE]\n\n"


def answer(path, body):
    said = json.loads(body)
    models.append(said["model"])
    return 200, "text/event-stream", completion({"role": "assistant", "content": "Done."}, "stop")


address = model_server(answer)
home, cwd = os.path.abspath("home"), os.path.abspath("work")
os.makedirs(home)
os.makedirs(cwd)
cline = os.path.abspath("node_modules/.bin/cline")
env = {"HOME": home, "CLINE_SESSION_BACKEND_MODE": "local", "CLINE_API_KEY": "none", "CLINE_PROVIDER": "openai-compatible"}
stored = ["--provider", "openai", "--apikey", "none", "--modelid", "my-model", "--baseurl", f"{address}/v1"]
subprocess.run([cline, "auth", *stored], env={"PATH": os.environ["PATH"], **env}, check=True, stdout=subprocess.DEVNULL)
agent = Agent([cline, "--acp"], env, cwd)
agent.call("initialize", protocolVersion=1, clientCapabilities={})
session = agent.start(cwd)
agent.prompt(session, "hello")
agent.call("session/set_config_option", sessionId=session, configId="model", value="my-model")
agent.prompt(session, "hello")
agent.end()
print("cline", json.load(open("node_modules/cline/package.json"))["version"])
print("stored: my-model; asked for:", models[0])
print("after the config option model=my-model:", models[-1])
PY
python3 probe.py | tee seen
diff - seen <<'SEEN'
cline 3.0.65
stored: my-model; asked for: gpt-4o
after the config option model=my-model: my-model
SEEN
echo "Still so."
