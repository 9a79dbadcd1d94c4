#!/usr/bin/env bash
# codegen 0.57.0 (the SDK) on codegen-api-client 1.0.0: what a run made cannot be read with either of them.
#
# Expected: the pull requests, which the service's answer has beside status and result. Seen: both leave
# `github_pull_requests` and `summary` out without an error, and a client made without a token sends "Bearer None".
# Needs Python 3.12 or 3.13.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python=$(command -v python3.12 || command -v python3.13 || true)
[ -n "$python" ] || { echo "needs Python 3.12 or 3.13" >&2; exit 2; }
"$python" -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check 'codegen==0.57.0' 'codegen-api-client==1.0.0'
cat > probe.py <<'PY'
import importlib.metadata, json, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from codegen import Agent

RUN = {
    "id": 7, "organization_id": 1, "status": "COMPLETE", "created_at": "2026-01-01T00:00:00Z", "result": "Done.",
    "summary": "Fixed it.", "web_url": "https://codegen.example/7",
    "github_pull_requests": [{"id": 1, "title": "Fix", "url": "https://github.com/octo/shop/pull/1"}],
}
tokens = []


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        tokens.append(self.headers["Authorization"])
        data = json.dumps(RUN).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
for name in ("codegen", "codegen-api-client"):
    print(name, importlib.metadata.version(name))
agent = Agent(token=None, org_id=1, base_url=f"http://127.0.0.1:{server.server_address[1]}")
run = agent.run("hello")
run.refresh()
print("SDK:   ", *sorted(name for name in vars(run) if not name.startswith("_")))
client = agent.agents_api.get_agent_run_v1_organizations_org_id_agent_run_agent_run_id_get(7, 1)
print("client:", *sorted(client.to_dict()))
print("token: ", tokens[0])
PY
HOME=$work venv/bin/python probe.py | tee seen
diff - seen <<'SEEN'
codegen 0.57.0
codegen-api-client 1.0.0
SDK:    id org_id result status web_url
client: created_at id organization_id result status web_url
token:  Bearer None
SEEN
echo "Still so."
