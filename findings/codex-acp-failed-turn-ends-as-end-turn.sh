#!/usr/bin/env bash
# codex-acp 2.6.0: a turn whose model answered 500 ends like one that succeeded.
#
# Expected: a JSON-RPC error, as for a 401 (-32000), or at least another stopReason. Seen: "end_turn" with usage null, and
# the reason arrives as the agent's own words. Only `_meta.codex.threadStatus` tells: "systemError".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . @agentclientprotocol/codex-acp@2.6.0 > /dev/null
cat > probe.py <<'PY'
import json, os, queue, subprocess, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

requests = []


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



def run(status):
    body = json.dumps({"error": {"message": "made up", "type": "server_error"}}).encode()
    address = model_server(lambda path, _: (status, "application/json", body))
    home, cwd = os.path.abspath(f"home-{status}"), os.path.abspath(f"work-{status}")
    os.makedirs(f"{home}/.codex")
    os.makedirs(cwd)
    with open(f"{home}/.codex/config.toml", "w") as file:
        file.write(f"""
model = "fake"
model_provider = "x"
check_for_update_on_startup = false
[analytics]
enabled = false
[features]
plugins = false
apps = false
remote_plugin = false
[model_providers.x]
name = "x"
base_url = "{address}/v1"
env_key = "X_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
""")
    agent = Agent([os.path.abspath("node_modules/.bin/codex-acp")], {"HOME": home, "X_KEY": "none"}, cwd)
    agent.call("initialize", protocolVersion=1, clientCapabilities={})
    answer = agent.prompt(agent.start(cwd), "hello")
    agent.end()
    metas = (each.get("_meta", {}).get("codex", {}) for each in agent.updates)
    threads = [meta["threadStatus"]["type"] for meta in metas if "threadStatus" in meta]
    if "error" in answer:
        print(f"model {status}: error {answer['error']['code']}")
    else:
        result = answer["result"]
        print(f"model {status}: stopReason {result['stopReason']}, usage {result['usage']}, thread {threads[-1]}")


print("codex-acp", json.load(open("node_modules/@agentclientprotocol/codex-acp/package.json"))["version"])
run(401)
run(500)
PY
python3 probe.py | tee seen
diff - seen <<'SEEN'
codex-acp 2.6.0
model 401: error -32000
model 500: stopReason end_turn, usage None, thread systemError
SEEN
echo "Still so."
