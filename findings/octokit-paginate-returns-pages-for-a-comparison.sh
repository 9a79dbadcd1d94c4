#!/usr/bin/env bash
# octokit 5.0.5: `paginate` returns pages, not items, for a comparison's commits and for a combined status.
#
# Expected: the items of all pages. The README of @octokit/plugin-paginate-rest lists comparisons among what is unwrapped,
# with the key `commits`, and the types of both routes promise it. Seen: an object that has a `url` of its own is never
# unwrapped, and both have one. It compiles, and an array is returned: three commits on two pages are two elements, whose
# `sha` is undefined. Take the key from each page of `paginate.iterator`.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . \
  octokit@5.0.5 @octokit/plugin-paginate-rest@14.0.0 typescript@7.0.2 @types/node@26.6.7 > /dev/null
cat > probe.mts <<'TS'
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { Octokit } from "octokit";

const url = "https://api.github.com/repos/o/r";
const commit = (sha: string) => ({ url: `${url}/commits/${sha}`, sha });
const pages = [[commit("1"), commit("2")], [commit("3")]];
const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url!, url);
  const commits = pages[Number(searchParams.get("page") ?? 1) - 1];
  const body = pathname.includes("/compare/")
    ? { url: `${url}/compare/a...b`, status: "ahead", total_commits: 3, commits }
    : { state: "success", statuses: [{ context: "build" }], sha: "1", total_count: 1, url: `${url}/commits/1/status` };
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(body));
});
server.listen(0, "127.0.0.1", async () => {
  const { port } = server.address() as { port: number };
  const { paginate } = new Octokit({ baseUrl: `http://127.0.0.1:${port}` });
  const about = { owner: "o", repo: "r", per_page: 2 };
  const commits = await paginate("GET /repos/{owner}/{repo}/compare/{basehead}", { ...about, basehead: "a...b" });
  const shas: string[] = commits.map((each) => each.sha);
  const statuses = await paginate("GET /repos/{owner}/{repo}/commits/{ref}/status", { ...about, ref: "1" });
  const contexts: string[] = statuses.map((each) => each.context);
  server.close();
  const version = (name: string) => createRequire(import.meta.url)(`./node_modules/${name}/package.json`).version;
  console.log("octokit", version("octokit"), "paginate-rest", version("@octokit/plugin-paginate-rest"));
  console.log("commits:", shas, "and in truth", Object.keys(commits[0]).join());
  console.log("statuses:", contexts, "and in truth", Object.keys(statuses[0]).join());
});
TS
node_modules/.bin/tsc --strict --types node --module nodenext --target es2022 --skipLibCheck probe.mts
echo "The types are right." | tee seen
node probe.mjs | tee -a seen
diff - seen <<'SEEN'
The types are right.
octokit 5.0.5 paginate-rest 14.0.0
commits: [ undefined, undefined ] and in truth url,status,total_commits,commits
statuses: [ undefined ] and in truth state,statuses,sha,total_count,url
SEEN
echo "Still so."
