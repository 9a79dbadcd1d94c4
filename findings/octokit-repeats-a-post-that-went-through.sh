#!/usr/bin/env bash
# octokit 5.0.5: a comment whose response is lost to a 502 is made four times.
#
# Expected: once, and the error. RFC 9110, section 9.2.2: a client should not automatically repeat a method that is not
# idempotent, unless it knows that the first request had no effect; GitHub's @actions/http-client repeats only DELETE, GET,
# HEAD and OPTIONS, also with `allowRetries`. Seen: the retry plugin, which `octokit` contains and turns on, decides by the
# status alone. Pass `request: { retries: 0 }` with whatever creates something.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . octokit@5.0.5 @octokit/plugin-retry@8.1.1 @actions/http-client@4.0.1 > /dev/null
cat > probe.mjs <<'JS'
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { HttpClient } from "@actions/http-client";
import { Octokit } from "octokit";

const comments = [];
const server = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  comments.push(JSON.parse(Buffer.concat(parts)).body); // made; only the response is lost
  response.writeHead(502, { "Content-Type": "application/json" }).end("{}");
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const baseUrl = `http://127.0.0.1:${server.address().port}`;

async function made(name, send) {
  comments.length = 0;
  const status = await send();
  console.log(`${name}: ${status}, ${comments.length} comments`);
}

const octokit = new Octokit({ baseUrl, log: { debug() {}, info() {}, warn() {}, error() {} } });
const comment = { owner: "o", repo: "r", issue_number: 1, body: "hello" };
const create = (more) => octokit.rest.issues.createComment({ ...comment, ...more }).catch((error) => error.status);
for (const name of ["octokit", "@octokit/plugin-retry", "@actions/http-client"])
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);
await made("octokit", () => create({}));
await made("octokit with retries 0", () => create({ request: { retries: 0 } }));
const http = new HttpClient("me", [], { allowRetries: true, maxRetries: 3 });
const sent = () => http.post(`${baseUrl}/repos/o/r/issues/1/comments`, JSON.stringify(comment));
await made("@actions/http-client", async () => (await sent()).message.statusCode);
server.close();
server.closeAllConnections();
JS
node probe.mjs | tee seen
diff - seen <<'SEEN'
octokit 5.0.5
@octokit/plugin-retry 8.1.1
@actions/http-client 4.0.1
octokit: 502, 4 comments
octokit with retries 0: 502, 1 comments
@actions/http-client: 502, 1 comments
SEEN
echo "Still so."
