#!/usr/bin/env bash
# qwen-code 0.24.4 over ACP: `maxRetries` multiplies another loop of seven tries that no setting names.
#
# Expected: `model.generationConfig.maxRetries: 0` asks a model that answers 500 once, and 1 asks it twice. Seen: 7 and 14
# requests, over a minute each and without a word to the client meanwhile. A client needs a deadline of its own.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . @qwen-code/qwen-code@0.24.4 > /dev/null
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



def fail(path, body):
    return 500, "application/json", json.dumps({"error": {"message": "made up", "type": "server_error"}}).encode()


address = model_server(fail)


def run(retries):
    home, cwd = os.path.abspath(f"home-{retries}"), os.path.abspath(f"work-{retries}")
    os.makedirs(f"{home}/.qwen")
    os.makedirs(cwd)
    settings = {
        "privacy": {"usageStatisticsEnabled": False},
        "security": {"auth": {"selectedType": "openai"}},
        "model": {"generationConfig": {"maxRetries": retries}},
    }
    with open(f"{home}/.qwen/settings.json", "w") as file:
        json.dump(settings, file)
    env = {"HOME": home, "OPENAI_BASE_URL": f"{address}/v1", "OPENAI_API_KEY": "none", "OPENAI_MODEL": "fake"}
    agent = Agent([os.path.abspath("node_modules/.bin/qwen"), "--acp"], env, cwd)
    agent.call("initialize", protocolVersion=1, clientCapabilities={})
    session = agent.start(cwd)
    requests.clear()
    answer = agent.prompt(session, "hello")
    agent.end()
    print(f"maxRetries {retries}: {len(requests)} requests, then error {answer['error']['code']}")


print("qwen-code", json.load(open("node_modules/@qwen-code/qwen-code/package.json"))["version"])
run(0)
run(1)
PY
python3 probe.py | tee seen
diff - seen <<'SEEN'
qwen-code 0.24.4
maxRetries 0: 7 requests, then error -32603
maxRetries 1: 14 requests, then error -32603
SEEN
echo "Still so."
