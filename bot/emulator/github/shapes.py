"""GitHub's JSON documents, complete: githubkit's models of GitHub's description can parse every one of them."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from datetime import datetime
from typing import Any

from bot.emulator.github.world import (
    APP_ID,
    APP_SLUG,
    BASE_SHA,
    BOT_LOGIN,
    DEFAULT_BRANCH,
    REPOSITORY,
    Account,
    App,
    CheckRun,
    Comment,
    Label,
    Reaction,
    Role,
    Thread,
    World,
)

HTML = "https://github.com"
REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")
LARGEST_SHOWN = 1024 * 1024
"""Bytes of a file beyond which its content is not in the response."""
_REPOSITORY_ID = 1


def moment(value: datetime | None) -> str | None:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if value else None


def _node(kind: str, number: int) -> str:
    return base64.b64encode(f"{kind}{number}".encode()).decode()


class Shapes:
    """Documents whose addresses point to this emulator.

    :param api: the emulator's address
    """

    def __init__(self, world: World, api: str) -> None:
        self._world = world
        self._api = api

    @property
    def _repo_url(self) -> str:
        return f"{self._api}/repos/{REPOSITORY}"

    # People

    def user(self, account: Account) -> dict[str, Any]:
        url = f"{self._api}/users/{account.login}"
        html = f"{HTML}/apps/{APP_SLUG}" if account.login == BOT_LOGIN else f"{HTML}/{account.login}"
        return {
            "login": account.login,
            "id": account.id,
            "node_id": _node("U", account.id),
            "avatar_url": f"{HTML}/{account.login}.png",
            "gravatar_id": "",
            "url": url,
            "html_url": html,
            "followers_url": f"{url}/followers",
            "following_url": f"{url}/following{{/other_user}}",
            "gists_url": f"{url}/gists{{/gist_id}}",
            "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
            "subscriptions_url": f"{url}/subscriptions",
            "organizations_url": f"{url}/orgs",
            "repos_url": f"{url}/repos",
            "events_url": f"{url}/events{{/privacy}}",
            "received_events_url": f"{url}/received_events",
            "type": account.type,
            "user_view_type": "public",
            "site_admin": False,
        }

    def full_user(self, account: Account) -> dict[str, Any]:
        return self.user(account) | {
            "name": account.login.capitalize(),
            "company": None,
            "blog": "",
            "location": None,
            "email": None,
            "hireable": None,
            "bio": None,
            "public_repos": 0,
            "public_gists": 0,
            "followers": 0,
            "following": 0,
            "created_at": "2020-01-01T00:00:00Z",
            "updated_at": "2020-01-01T00:00:00Z",
        }

    def permission(self, account: Account) -> dict[str, Any]:
        role = self._world.role(account)
        permission = {"maintain": "write", "triage": "read"}.get(role, role)
        user = self.user(account) | {"permissions": _permissions(role), "role_name": role}
        return {"permission": permission, "role_name": role, "user": user}

    # The repository

    def repository(self, reader: Account) -> dict[str, Any]:
        permissions = _permissions(self._world.role(reader))
        return self.webhook_repository() | {"permissions": permissions, "network_count": 0, "subscribers_count": 0}

    def webhook_repository(self) -> dict[str, Any]:
        """In a payload it has neither the reader's permissions nor the two counts of the REST response."""
        owner, name = REPOSITORY.split("/")
        document = {
            "id": _REPOSITORY_ID,
            "node_id": _node("R", _REPOSITORY_ID),
            "name": name,
            "full_name": REPOSITORY,
            "private": self._world.private,
            "owner": self.user(self._world.accounts[owner]),
            "html_url": f"{HTML}/{REPOSITORY}",
            "description": "A shop.",
            "fork": False,
            "url": self._repo_url,
            "created_at": "2020-01-01T00:00:00Z",
            "updated_at": "2020-01-01T00:00:00Z",
            "pushed_at": "2020-01-01T00:00:00Z",
            "git_url": f"git://github.com/{REPOSITORY}.git",
            "ssh_url": f"git@github.com:{REPOSITORY}.git",
            "clone_url": f"{HTML}/{REPOSITORY}.git",
            "svn_url": f"{HTML}/{REPOSITORY}",
            "homepage": None,
            "language": "Python",
            "license": None,
            "mirror_url": None,
            "visibility": "private" if self._world.private else "public",
            "default_branch": DEFAULT_BRANCH,
            "topics": [],
            "archived": False,
            "disabled": False,
            "is_template": False,
            "allow_forking": True,
            "web_commit_signoff_required": False,
        }
        document |= {f"has_{name}": True for name in ("issues", "projects", "downloads", "wiki", "pages")}
        document["has_discussions"] = False
        counts = ("size", "stargazers_count", "watchers_count", "forks_count", "open_issues_count", "forks", "watchers")
        document |= dict.fromkeys((*counts, "open_issues"), 0)
        document |= {f"{name}_url": f"{self._repo_url}/{path}" for name, path in _REPOSITORY_URLS.items()}
        return document

    def label(self, label: Label) -> dict[str, Any]:
        return {
            "id": label.id,
            "node_id": _node("L", label.id),
            "url": f"{self._repo_url}/labels/{label.name}",
            "name": label.name,
            "color": label.color,
            "default": label.name in {"bug", "enhancement"},
            "description": label.description,
            "archived_at": None,
            "archived_by": None,
        }

    def labels(self, thread: Thread) -> list[dict[str, Any]]:
        return [self.label(self._world.labels[name.lower()]) for name in thread.labels]

    def content(self, path: str, text: str, ref: str) -> dict[str, Any]:
        data = text.encode()
        sha = hashlib.sha1(b"blob %d\0%b" % (len(data), data), usedforsecurity=False).hexdigest()
        is_small = len(data) <= LARGEST_SHOWN
        url = f"{self._repo_url}/contents/{path}?ref={ref}"
        git_url = f"{self._repo_url}/git/blobs/{sha}"
        html_url = f"{HTML}/{REPOSITORY}/blob/{ref}/{path}"
        return {
            "type": "file",
            "encoding": "base64" if is_small else "none",
            "size": len(data),
            "name": path.rsplit("/", 1)[-1],
            "path": path,
            "content": base64.encodebytes(data).decode() if is_small else "",
            "sha": sha,
            "url": url,
            "git_url": git_url,
            "html_url": html_url,
            "download_url": f"{HTML}/{REPOSITORY}/raw/{ref}/{path}",
            "_links": {"git": git_url, "self": url, "html": html_url},
        }

    def directory(self, folder: str, paths: list[str], ref: str) -> list[dict[str, Any]]:
        """The entries of a folder, without those of its subfolders."""
        start = len(folder) + 1 if folder else 0
        names = sorted({path[start:].partition("/")[0] for path in paths})
        return [self._entry(folder + "/" * bool(folder) + name, ref) for name in names]

    def _entry(self, path: str, ref: str) -> dict[str, Any]:
        text = self._world.files.get((ref, path))
        entry = self.content(path, text or "", ref)
        shown = {name: value for name, value in entry.items() if name not in {"content", "encoding"}}
        if text is not None:
            return shown
        links = {"git": entry["git_url"].replace("/blobs/", "/trees/"), "self": entry["url"]}
        links["html"] = entry["html_url"].replace("/blob/", "/tree/")
        urls = {"git_url": links["git"], "html_url": links["html"], "download_url": None, "_links": links}
        return shown | {"type": "dir", "size": 0} | urls

    # Threads

    def issue(self, thread: Thread) -> dict[str, Any]:
        url = f"{self._repo_url}/issues/{thread.number}"
        page = "pull" if thread.is_pull_request else "issues"
        document = {
            "id": thread.id,
            "node_id": _node("I", thread.id),
            "url": url,
            "repository_url": self._repo_url,
            "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "html_url": f"{HTML}/{REPOSITORY}/{page}/{thread.number}",
            "number": thread.number,
            "title": thread.title,
            "user": self.user(thread.account),
            "labels": self.labels(thread),
            "state": thread.state,
            "locked": False,
            "assignee": None,
            "assignees": [],
            "milestone": None,
            "comments": len(self._world.of_thread(thread.number, "issue-comment")),
            "created_at": moment(thread.created_at),
            "updated_at": moment(thread.updated_at),
            "closed_at": None if thread.state == "open" else moment(thread.updated_at),
            "author_association": "MEMBER",
            "active_lock_reason": None,
            "body": thread.body,
            "reactions": self.rollup(thread.reactions, f"{url}/reactions"),
            "timeline_url": f"{url}/timeline",
            "performed_via_github_app": None,
            "state_reason": None,
        }
        if thread.is_pull_request:
            document["draft"] = False
            document["pull_request"] = {
                "url": f"{self._repo_url}/pulls/{thread.number}",
                "html_url": f"{HTML}/{REPOSITORY}/pull/{thread.number}",
                "diff_url": f"{HTML}/{REPOSITORY}/pull/{thread.number}.diff",
                "patch_url": f"{HTML}/{REPOSITORY}/pull/{thread.number}.patch",
                "merged_at": None,
            }
        return document

    def pull_request(self, thread: Thread) -> dict[str, Any]:
        """As in a list, and in the payloads of reviews."""
        url = f"{self._repo_url}/pulls/{thread.number}"
        issue_url = f"{self._repo_url}/issues/{thread.number}"
        html = f"{HTML}/{REPOSITORY}/pull/{thread.number}"
        statuses = f"{self._repo_url}/statuses/{thread.head_sha}"
        links = {
            "self": url,
            "html": html,
            "issue": issue_url,
            "comments": f"{issue_url}/comments",
            "review_comments": f"{url}/comments",
            "review_comment": f"{self._repo_url}/pulls/comments{{/number}}",
            "commits": f"{url}/commits",
            "statuses": statuses,
        }
        issue = self.issue(thread)
        shared = ("number", "title", "user", "labels", "state", "locked", "assignee", "assignees", "milestone")
        times = ("created_at", "updated_at", "closed_at", "author_association", "active_lock_reason", "body")
        return {name: issue[name] for name in (*shared, *times)} | {
            "id": thread.id,
            "node_id": _node("PR", thread.id),
            "url": url,
            "html_url": html,
            "diff_url": f"{html}.diff",
            "patch_url": f"{html}.patch",
            "issue_url": issue_url,
            "commits_url": f"{url}/commits",
            "review_comments_url": f"{url}/comments",
            "review_comment_url": f"{self._repo_url}/pulls/comments{{/number}}",
            "comments_url": f"{issue_url}/comments",
            "statuses_url": statuses,
            "merged_at": None,
            "merge_commit_sha": None,
            "requested_reviewers": [],
            "requested_teams": [],
            "head": self._branch(thread.branch or "", thread.head_sha),
            "base": self._branch(DEFAULT_BRANCH, BASE_SHA),
            "_links": {name: {"href": address} for name, address in links.items()},
            "auto_merge": None,
            "draft": False,
        }

    def full_pull_request(self, thread: Thread) -> dict[str, Any]:
        return self.pull_request(thread) | {
            "merged": False,
            "mergeable": True,
            "rebaseable": True,
            "mergeable_state": "clean",
            "merged_by": None,
            "comments": len(self._world.of_thread(thread.number, "issue-comment")),
            "review_comments": len(self._world.of_thread(thread.number, "review-comment")),
            "maintainer_can_modify": False,
            "commits": 1,
            "additions": 1,
            "deletions": 1,
            "changed_files": 1,
        }

    def _branch(self, ref: str, sha: str) -> dict[str, Any]:
        owner = self._world.accounts[REPOSITORY.split("/")[0]]
        return {
            "label": f"{owner.login}:{ref}",
            "ref": ref,
            "sha": sha,
            "user": self.user(owner),
            "repo": self.webhook_repository(),
        }

    def changed_file(self, path: str, thread: Thread) -> dict[str, Any]:
        text = self.content(path, "", thread.branch or "")
        return {
            "sha": text["sha"],
            "filename": path,
            "status": "modified",
            "additions": 1,
            "deletions": 1,
            "changes": 2,
            "blob_url": f"{HTML}/{REPOSITORY}/blob/{thread.head_sha}/{path}",
            "raw_url": f"{HTML}/{REPOSITORY}/raw/{thread.head_sha}/{path}",
            "contents_url": f"{self._repo_url}/contents/{path}?ref={thread.head_sha}",
            "patch": "@@ -1,3 +1,3 @@",
        }

    # Comments

    def issue_comment(self, comment: Comment) -> dict[str, Any]:
        url = f"{self._repo_url}/issues/comments/{comment.id}"
        thread = self._world.threads[comment.number]
        page = "pull" if thread.is_pull_request else "issues"
        return {
            "id": comment.id,
            "node_id": _node("IC", comment.id),
            "url": url,
            "html_url": f"{HTML}/{REPOSITORY}/{page}/{comment.number}#issuecomment-{comment.id}",
            "issue_url": f"{self._repo_url}/issues/{comment.number}",
            "user": self.user(comment.account),
            "created_at": moment(comment.created_at),
            "updated_at": moment(comment.updated_at),
            "author_association": _association(comment.account.role),
            "body": comment.body,
            "reactions": self.rollup(comment.reactions, f"{url}/reactions"),
            "performed_via_github_app": self.app() if comment.author == BOT_LOGIN else None,
        }

    def review_comment(self, comment: Comment) -> dict[str, Any]:
        url = f"{self._repo_url}/pulls/comments/{comment.id}"
        html = f"{HTML}/{REPOSITORY}/pull/{comment.number}#discussion_r{comment.id}"
        pull = f"{self._repo_url}/pulls/{comment.number}"
        thread = self._world.threads[comment.number]
        document = {
            "id": comment.id,
            "node_id": _node("RC", comment.id),
            "url": url,
            "html_url": html,
            "pull_request_url": pull,
            "pull_request_review_id": None,
            "diff_hunk": "@@ -1,3 +1,3 @@\n def total(items, tax):",
            "path": comment.path,
            "commit_id": thread.head_sha,
            "original_commit_id": thread.head_sha,
            "user": self.user(comment.account),
            "body": comment.body,
            "created_at": moment(comment.created_at),
            "updated_at": moment(comment.updated_at),
            "author_association": _association(comment.account.role),
            "_links": {"self": {"href": url}, "html": {"href": html}, "pull_request": {"href": pull}},
            "reactions": self.rollup(comment.reactions, f"{url}/reactions"),
            "start_line": None,
            "original_start_line": None,
            "start_side": None,
            "line": comment.line,
            "original_line": comment.line or 1,
            "side": "RIGHT",
            "position": comment.line or 1,
            "original_position": comment.line or 1,
            "subject_type": "line",
        }
        return document | ({"in_reply_to_id": comment.in_reply_to} if comment.in_reply_to else {})

    def review(self, comment: Comment) -> dict[str, Any]:
        html = f"{HTML}/{REPOSITORY}/pull/{comment.number}#pullrequestreview-{comment.id}"
        pull = f"{self._repo_url}/pulls/{comment.number}"
        return {
            "id": comment.id,
            "node_id": _node("RV", comment.id),
            "user": self.user(comment.account),
            "body": comment.body,
            "state": comment.state.upper(),
            "html_url": html,
            "pull_request_url": pull,
            "author_association": _association(comment.account.role),
            "_links": {"html": {"href": html}, "pull_request": {"href": pull}},
            "submitted_at": moment(comment.created_at),
            "commit_id": self._world.threads[comment.number].head_sha,
        }

    def webhook_review(self, comment: Comment) -> dict[str, Any]:
        """In a payload the state is in lower case, and an empty text is null."""
        changed = {"state": comment.state, "body": comment.body or None, "updated_at": moment(comment.updated_at)}
        return self.review(comment) | changed

    def reaction(self, reaction: Reaction) -> dict[str, Any]:
        return {
            "id": reaction.id,
            "node_id": _node("RE", reaction.id),
            "user": self.user(reaction.account),
            "content": reaction.content,
            "created_at": moment(reaction.created_at),
        }

    @staticmethod
    def rollup(reactions: list[Reaction], url: str) -> dict[str, Any]:
        counts = Counter(reaction.content for reaction in reactions)
        return {"url": url, "total_count": len(reactions)} | {content: counts[content] for content in REACTIONS}

    # Checks

    def check_run(self, check: CheckRun) -> dict[str, Any]:
        url = f"{self._repo_url}/check-runs/{check.id}"
        return {
            "id": check.id,
            "name": check.name,
            "node_id": _node("CR", check.id),
            "head_sha": check.head_sha,
            "external_id": check.external_id,
            "url": url,
            "html_url": f"{HTML}/{REPOSITORY}/runs/{check.id}",
            "details_url": check.details_url,
            "status": check.status,
            "conclusion": check.conclusion,
            "started_at": moment(check.started_at),
            "completed_at": moment(check.completed_at),
            "output": {
                "title": check.output.get("title"),
                "summary": check.output.get("summary"),
                "text": check.output.get("text"),
                "annotations_count": 0,
                "annotations_url": f"{url}/annotations",
            },
            "check_suite": {"id": 1},
            "app": self.app(),
            "pull_requests": [],
        }

    def check_suite(self, sha: str) -> dict[str, Any]:
        checks = [check for check in self._world.check_runs.values() if check.head_sha == sha]
        done = bool(checks) and all(check.status == "completed" for check in checks)
        failed = any(check.conclusion == "failure" for check in checks)
        url = f"{self._repo_url}/check-suites/1"
        return {
            "id": 1,
            "node_id": _node("CS", 1),
            "head_branch": DEFAULT_BRANCH,
            "head_sha": sha,
            "status": "completed" if done else "queued",
            "conclusion": ("failure" if failed else "success") if done else None,
            "url": url,
            "before": None,
            "after": None,
            "pull_requests": [],
            "app": self.app(),
            "repository": self.webhook_repository(),
            "created_at": "2020-01-01T00:00:00Z",
            "updated_at": "2020-01-01T00:00:00Z",
            "head_commit": _commit(sha),
            "latest_check_runs_count": len(checks),
            "check_runs_url": f"{url}/check-runs",
        }

    def workflow_run(self, check: CheckRun) -> dict[str, Any]:
        """Every check is also a workflow run with one job, with the same id."""
        url = f"{self._repo_url}/actions/runs/{check.id}"
        actor = self.user(self._world.accounts["alice"])
        return {
            "id": check.id,
            "name": check.name,
            "node_id": _node("WR", check.id),
            "check_suite_id": 1,
            "check_suite_node_id": _node("CS", 1),
            "head_branch": DEFAULT_BRANCH,
            "head_sha": check.head_sha,
            "path": ".github/workflows/test.yml",
            "run_number": 1,
            "run_attempt": 1,
            "event": "push",
            "status": check.status,
            "conclusion": check.conclusion,
            "workflow_id": 1,
            "url": url,
            "html_url": f"{HTML}/{REPOSITORY}/actions/runs/{check.id}",
            "pull_requests": [],
            "created_at": moment(check.started_at),
            "updated_at": moment(check.completed_at or check.started_at),
            "actor": actor,
            "triggering_actor": actor,
            "run_started_at": moment(check.started_at),
            "jobs_url": f"{url}/jobs",
            "logs_url": f"{url}/logs",
            "check_suite_url": f"{self._repo_url}/check-suites/1",
            "artifacts_url": f"{url}/artifacts",
            "cancel_url": f"{url}/cancel",
            "rerun_url": f"{url}/rerun",
            "workflow_url": f"{self._repo_url}/actions/workflows/1",
            "head_commit": _commit(check.head_sha),
            "repository": self.webhook_repository(),
            "head_repository": self.webhook_repository(),
            "display_title": check.name,
        }

    def job(self, check: CheckRun) -> dict[str, Any]:
        return {
            "id": check.id,
            "run_id": check.id,
            "run_url": f"{self._repo_url}/actions/runs/{check.id}",
            "node_id": _node("J", check.id),
            "head_sha": check.head_sha,
            "url": f"{self._repo_url}/actions/jobs/{check.id}",
            "html_url": f"{HTML}/{REPOSITORY}/actions/runs/{check.id}/job/{check.id}",
            "status": check.status,
            "conclusion": check.conclusion,
            "created_at": moment(check.started_at),
            "started_at": moment(check.started_at),
            "completed_at": moment(check.completed_at),
            "name": check.name,
            "check_run_url": f"{self._repo_url}/check-runs/{check.id}",
            "labels": ["ubuntu-latest"],
            "runner_id": None,
            "runner_name": None,
            "runner_group_id": None,
            "runner_group_name": None,
            "workflow_name": check.name,
            "head_branch": DEFAULT_BRANCH,
            "steps": [],
        }

    # The App

    def app(self, app: App | None = None) -> dict[str, Any]:
        """:param app: None: App 1"""
        app = app or self._world.apps[APP_ID]
        return {
            "id": app.id,
            "slug": app.slug,
            "node_id": _node("A", app.id),
            "client_id": app.client_id,
            "owner": self.user(self._world.accounts[app.owner]),
            "name": app.name,
            "description": None,
            "external_url": app.html_url,
            "html_url": app.html_url,
            "created_at": "2020-01-01T00:00:00Z",
            "updated_at": "2020-01-01T00:00:00Z",
            "permissions": app.permissions,
            "events": app.events,
            "installations_count": 1 if app.installation_id is not None else 0,
        }

    def installation(self, app: App) -> dict[str, Any]:
        """Of an App on the one repository."""
        owner, number = self._world.accounts[REPOSITORY.partition("/")[0]], app.installation_id
        return {
            "id": number,
            "account": self.user(owner),
            "repository_selection": "all",
            "access_tokens_url": f"{self._api}/app/installations/{number}/access_tokens",
            "repositories_url": f"{self._api}/installation/repositories",
            "html_url": f"{HTML}/organizations/{owner.login}/settings/installations/{number}",
            "app_id": app.id,
            "client_id": app.client_id,
            "target_id": owner.id,
            "target_type": "Organization",
            "permissions": app.permissions,
            "events": app.events,
            "created_at": "2020-01-01T00:00:00Z",
            "updated_at": "2020-01-01T00:00:00Z",
            "single_file_name": None,
            "app_slug": app.slug,
            "suspended_by": None,
            "suspended_at": moment(self._world.suspended_at),
        }


def _permissions(role: Role) -> dict[str, bool]:
    invocation: tuple[tuple[str, int], ...] = (("pull", 1), ("triage", 2), ("push", 3), ("maintain", 4), ("admin", 5))
    ranks = {"none": 0, "read": 1, "triage": 2, "write": 3, "maintain": 4, "admin": 5}
    return {name: ranks[role] >= rank for name, rank in invocation}


def _association(role: Role) -> str:
    # Wrong for private members, as on GitHub: it must not be relied on.
    return "CONTRIBUTOR" if role in {"admin", "write"} else "NONE"


def _commit(sha: str) -> dict[str, Any]:
    person = {"name": "alice", "email": "alice@example.com"}
    return {
        "id": sha,
        "tree_id": sha,
        "message": "A change",
        "timestamp": "2020-01-01T00:00:00Z",
        "author": person,
        "committer": person,
    }


_REPOSITORY_URLS = {
    "archive": "{archive_format}{/ref}",
    "assignees": "assignees{/user}",
    "blobs": "git/blobs{/sha}",
    "branches": "branches{/branch}",
    "collaborators": "collaborators{/collaborator}",
    "comments": "comments{/number}",
    "commits": "commits{/sha}",
    "compare": "compare/{base}...{head}",
    "contents": "contents/{+path}",
    "contributors": "contributors",
    "deployments": "deployments",
    "downloads": "downloads",
    "events": "events",
    "forks": "forks",
    "git_commits": "git/commits{/sha}",
    "git_refs": "git/refs{/sha}",
    "git_tags": "git/tags{/sha}",
    "hooks": "hooks",
    "issue_comment": "issues/comments{/number}",
    "issue_events": "issues/events{/number}",
    "issues": "issues{/number}",
    "keys": "keys{/key_id}",
    "labels": "labels{/name}",
    "languages": "languages",
    "merges": "merges",
    "milestones": "milestones{/number}",
    "notifications": "notifications{?since,all,participating}",
    "pulls": "pulls{/number}",
    "releases": "releases{/id}",
    "stargazers": "stargazers",
    "statuses": "statuses/{sha}",
    "subscribers": "subscribers",
    "subscription": "subscription",
    "tags": "tags",
    "teams": "teams",
    "trees": "git/trees{/sha}",
}
