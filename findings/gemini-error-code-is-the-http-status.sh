#!/usr/bin/env bash
# gemini-cli 0.61.0 over ACP: the `code` of the JSON-RPC error is the HTTP status of the model's server.
#
# Expected: one of ACP's codes (-32000: authentication required) or -32603. Seen: 401, a positive number that JSON-RPC gives
# no meaning; the message is the body of the answer as text. A table of ACP's codes does not match it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . @google/gemini-cli@0.61.0 > /dev/null
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



def gemini(address, cwd):
    home = os.path.abspath("home")
    os.makedirs(f"{home}/.gemini", exist_ok=True)
    os.makedirs(cwd)
    with open(f"{home}/.gemini/settings.json", "w") as file:
        json.dump({"privacy": {"usageStatisticsEnabled": False}, "general": {"enableAutoUpdate": False}}, file)
    env = {
        "HOME": home,
        "GEMINI_API_KEY": "none",
        "GEMINI_CLI_NO_RELAUNCH": "true",
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
        "GOOGLE_GEMINI_BASE_URL": address,
    }
    command = [os.path.abspath("node_modules/.bin/gemini"), "--acp", "--model", "gemini-2.5-pro"]
    agent = Agent(command, env, cwd)
    agent.call("initialize", protocolVersion=1, clientCapabilities={})
    return agent


print("gemini-cli", json.load(open("node_modules/@google/gemini-cli/package.json"))["version"])
cwd = os.path.abspath("work")

body = json.dumps({"error": {"code": 401, "message": "made up", "status": "UNAUTHENTICATED"}})
agent = gemini(model_server(lambda path, _: (401, "application/json", body.encode())), cwd)
error = agent.prompt(agent.start(cwd), "hello")["error"]
agent.end()
print("code", error["code"], "message", json.loads(error["message"])["error"]["status"])
PY
python3 probe.py | tee seen
diff - seen <<'SEEN'
gemini-cli 0.61.0
code 401 message UNAUTHENTICATED
SEEN
echo "Still so."
