#!/usr/bin/env bash
# gemini-cli 0.61.0 over ACP: `session/load` within the clock minute in which the session was created loses the session.
#
# Expected: the conversation goes on, as it does when the minute is over. Seen: "No previous sessions found for this
# project", and the session is gone for later loads too: its file's name has the minute in it, and the new process starts
# that file anew. Who lets a user answer at once has to wait for the next minute before it starts the agent again.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . @google/gemini-cli@0.61.0 > /dev/null
cat > probe.py <<'PY'
import json, os, queue, subprocess, sys, threading, time
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
    os.makedirs(cwd, exist_ok=True)
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


def answer(path, body):
    candidate = {"content": {"role": "model", "parts": [{"text": "Done."}]}, "finishReason": "STOP", "index": 0}
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    data = json.dumps({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-pro"})
    return 200, "text/event-stream", f"data: {data}\r\n\r\n".encode()


address = model_server(answer)


def wait_for_minute(is_over):
    while not is_over(time.gmtime()):
        time.sleep(0.2)


def load(cwd, session):
    agent = gemini(address, cwd)
    answer = agent.call("session/load", sessionId=session, cwd=cwd, mcpServers=[])
    agent.end()
    return answer["error"]["data"]["details"] if "error" in answer else "loaded"


def begin(cwd):
    wait_for_minute(lambda now: now.tm_sec < 20)
    agent = gemini(address, cwd)
    session = agent.start(cwd)
    minute = time.gmtime().tm_min
    agent.prompt(session, "hello")
    agent.end()
    return session, minute


early, late = os.path.abspath("early"), os.path.abspath("late")
session, minute = begin(early)
print("in the same minute:", load(early, session))
other, minute = begin(late)
wait_for_minute(lambda now: now.tm_min != minute)
print("in the next minute:", load(late, other))
print("in the next minute, after a load in the same one:", load(early, session))
PY
python3 probe.py | tee seen
diff - seen <<'SEEN'
gemini-cli 0.61.0
in the same minute: No previous sessions found for this project.
in the next minute: loaded
in the next minute, after a load in the same one: No previous sessions found for this project.
SEEN
echo "Still so."
