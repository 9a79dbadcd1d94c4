"""GitHub's JSON documents, complete: githubkit's models of GitHub's description can parse every one of them."""

from __future__ import annotations

from collections import Counter

from bot.emulators.github.commits import NO_COMMIT, Commit, Pushed
from bot.emulators.github.documents import (
    CREATED,
    HTML,
    LONG_AGO,
    LONG_AGO_SECONDS,
    Document,
    addresses,
    copy,
    each,
    ids,
    moment,
)
from bot.emulators.github.model import (
    APP_ID,
    APP_SLUG,
    BASE_SHA,
    BOT_LOGIN,
    DEFAULT_BRANCH,
    ORGANIZATION_REPOSITORY,
    ORGANIZATION_REPOSITORY_ID,
    OWNER,
    RANK,
    REPOSITORY,
    REPOSITORY_ID,
    Account,
    App,
    CheckRun,
    Comment,
    Label,
    Reaction,
    Role,
    Thread,
)
from bot.emulators.github.world import World

_WORST_FIRST = (
    "startup_failure",
    "failure",
    "timed_out",
    "action_required",
    "cancelled",
    "stale",
    "success",
    "neutral",
)
"""Which of its checks' conclusions a suite has."""

REPOSITORY_PAGE = f"{HTML}/{REPOSITORY}"
_IDS = {REPOSITORY: REPOSITORY_ID, ORGANIZATION_REPOSITORY: ORGANIZATION_REPOSITORY_ID}
REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")

# As `addresses` reads them.
_USER_ADDRESSES = (
    "followers following{/other_user} gists{/gist_id} starred{/owner}{/repo} subscriptions orgs@organizations repos "
    "events{/privacy} received_events"
)
_ORGANIZATION_ADDRESSES = "repos events hooks issues members{/member} public_members{/member}"
_REPOSITORY_ADDRESSES = (
    "{archive_format}{/ref}@archive assignees{/user} git/blobs{/sha}@blobs branches{/branch} "
    "collaborators{/collaborator} comments{/number} commits{/sha} compare/{base}...{head}@compare "
    "contents/{+path}@contents contributors deployments downloads events forks git/commits{/sha}@git_commits "
    "git/refs{/sha}@git_refs git/tags{/sha}@git_tags hooks issues/comments{/number}@issue_comment "
    "issues/events{/number}@issue_events issues{/number} keys{/key_id} labels{/name} languages merges "
    "milestones{/number} notifications{?since,all,participating} pulls{/number} releases{/id} stargazers "
    "statuses/{sha}@statuses subscribers subscription tags teams git/trees{/sha}@trees"
)


class Shapes:
    """Documents whose addresses point to this emulator.

    :param api: the emulator's address
    """

    def __init__(self, world: World, api: str = "") -> None:
        self._world = world
        self.api = api
        self.page = REPOSITORY_PAGE
        """Where people see the repository's threads."""

    @property
    def repo_url(self) -> str:
        return f"{self.api}/repos/{REPOSITORY}"

    # Users

    def user(self, account: Account) -> Document:
        url = f"{self.api}/users/{account.login}"
        page = f"apps/{APP_SLUG}" if account.login == BOT_LOGIN else account.login
        return {
            **ids("U", account.id),
            **copy(account, "login type"),
            **addresses(url, _USER_ADDRESSES),
            "avatar_url": f"{HTML}/{account.login}.png",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{HTML}/{page}",
            "user_view_type": "public",
            "site_admin": False,
        }

    def full_user(self, account: Account) -> Document:
        counts = each("public_repos public_gists followers following", 0)
        unknown = each("company location email hireable bio")
        return self.user(account) | {"name": account.login.capitalize(), "blog": "", **unknown, **counts, **CREATED}

    def permission(self, account: Account, role: Role) -> Document:
        permission = {"maintain": "write", "triage": "read"}.get(role, role)
        user = self.user(account) | {"permissions": _permissions(role), "role_name": role}
        return {"permission": permission, "role_name": role, "user": user}

    def organization(self) -> Document:
        user = self.user(self.owner)
        url = user["url"].replace("/users/", "/orgs/")
        same = {name: user[name] for name in ("login", "id", "node_id", "avatar_url")}
        return {**same, "url": url, "description": None, **addresses(url, _ORGANIZATION_ADDRESSES)}

    @property
    def owner(self) -> Account:
        return self._world.accounts[OWNER]

    # The repository

    def repository(self, reader: Account, name: str = REPOSITORY) -> Document:
        return self.listed_repository(reader, name) | {"network_count": 0, "subscribers_count": 0}

    def listed_repository(self, reader: Account, name: str) -> Document:
        """As in a list, which lacks two counts."""
        return self.webhook_repository(name) | {"permissions": _permissions(self._world.role(reader, name))}

    def webhook_repository(self, name: str = REPOSITORY) -> Document:
        """In a payload it does not have the reader's permissions either.

        :param name: in lower case
        """
        other, full_name = self._world.other_repositories.get(name), self._world.full_name(name)
        url, page = f"{self.api}/repos/{full_name}", f"{HTML}/{full_name}"
        private = self._world.private if name == REPOSITORY else other is not None and other.private
        return {
            **ids("R", _IDS.get(name, 0) if other is None else other.id),
            **addresses(url, _REPOSITORY_ADDRESSES),
            **each("has_issues has_projects has_downloads has_wiki has_pages allow_forking", value=True),
            **each("has_discussions disabled is_template web_commit_signoff_required", value=False),
            **each("size stargazers_count watchers_count forks_count open_issues_count forks watchers open_issues", 0),
            **each("homepage license mirror_url"),
            **CREATED,
            "pushed_at": LONG_AGO,
            "name": full_name.rpartition("/")[2],
            "full_name": full_name,
            "private": private,
            "visibility": "private" if private else "public",
            "fork": other is not None and other.parent is not None,
            "archived": self._world.is_archived(name),
            "owner": self.user(self._world.owner_of(name)),
            "description": "A shop." if name == REPOSITORY else other and other.description,
            "language": "Python" if name == REPOSITORY else other and other.language,
            "default_branch": DEFAULT_BRANCH,
            "topics": [],
            "url": url,
            "html_url": page,
            "svn_url": page,
            "git_url": f"git://github.com/{full_name}.git",
            "ssh_url": f"git@github.com:{full_name}.git",
            "clone_url": f"{self.api or HTML}/{full_name}.git",
        }

    def label(self, label: Label) -> Document:
        return {
            **ids("L", label.id),
            **copy(label, "name color description"),
            **each("archived_at archived_by"),
            "url": f"{self.repo_url}/labels/{label.name}",
            "default": label.name in {"bug", "enhancement"},
        }

    def labels(self, thread: Thread) -> list[Document]:
        return [self.label(self._world.labels[name.lower()]) for name in thread.labels]

    # Threads

    def issue(self, thread: Thread) -> Document:
        url = f"{self.repo_url}/issues/{thread.number}"
        page = f"{self.page}/{'pull' if thread.is_pull_request else 'issues'}/{thread.number}"
        document = {
            **ids("I", thread.id),
            **self._thread(thread),
            **addresses(url, "labels{/name} comments events timeline"),
            "url": url,
            "repository_url": self.repo_url,
            "html_url": page,
            "comments": len(self._world.of_thread(thread.number, "issue-comment")),
            "reactions": self._rollup(thread.reactions, url),
            **each("performed_via_github_app state_reason"),
        }
        if thread.is_pull_request:
            pull = {"url": f"{self.repo_url}/pulls/{thread.number}", "html_url": page, "merged_at": None}
            document |= {
                "draft": thread.is_draft,
                "pull_request": pull | {f"{name}_url": f"{page}.{name}" for name in _FORMS},
            }
        return document

    def _thread(self, thread: Thread) -> Document:
        """What an issue and a pull request have in common."""
        return {
            **copy(thread, "number title body state created_at updated_at"),
            **each("assignee milestone active_lock_reason"),
            "user": self.user(thread.account),
            "labels": self.labels(thread),
            "locked": False,
            "assignees": [],
            "closed_at": None if thread.state == "open" else moment(thread.updated_at),
            "author_association": "MEMBER",
        }

    def pull_request(self, thread: Thread) -> Document:
        """As in a list, and in the payloads of reviews."""
        url, page = f"{self.repo_url}/pulls/{thread.number}", f"{self.page}/pull/{thread.number}"
        issue = f"{self.repo_url}/issues/{thread.number}"
        links = {
            "issue": issue,
            "comments": f"{issue}/comments",
            "review_comments": f"{url}/comments",
            "review_comment": f"{self.repo_url}/pulls/comments{{/number}}",
            "commits": f"{url}/commits",
            "statuses": f"{self.repo_url}/statuses/{thread.head_sha}",
        }
        return {
            **ids("PR", thread.id),
            **self._thread(thread),
            **{f"{name}_url": address for name, address in links.items()},
            **{f"{name}_url": f"{page}.{name}" for name in _FORMS},
            "url": url,
            "html_url": page,
            "_links": _links(self=url, html=page, **links),
            **each("merged_at merge_commit_sha auto_merge"),
            "requested_reviewers": [],
            "requested_teams": [],
            "head": self._branch(thread.branch or "", thread.head_sha, thread.head_repository),
            "base": self._branch(thread.base_branch, self._world.head(thread.base_branch) or BASE_SHA),
            "draft": thread.is_draft,
        }

    def full_pull_request(self, thread: Thread) -> Document:
        return self.pull_request(thread) | {
            **each("commits additions deletions changed_files", 1),
            "merged": False,
            "mergeable": True,
            "rebaseable": True,
            "mergeable_state": "clean",
            "merged_by": None,
            "comments": len(self._world.of_thread(thread.number, "issue-comment")),
            "review_comments": len(self._world.of_thread(thread.number, "review-comment")),
            "maintainer_can_modify": False,
        }

    def _branch(self, ref: str, sha: str, repository: str | None = REPOSITORY) -> Document:
        """:param repository: None: it was deleted"""
        if repository is None:
            return {"label": f"unknown repository:{ref}", "ref": ref, "sha": sha, "user": None, "repo": None}
        owner = self._world.owner_of(repository)
        repo = self.webhook_repository(repository)
        return {"label": f"{owner.login}:{ref}", "ref": ref, "sha": sha, "user": self.user(owner), "repo": repo}

    # Branches and pushes

    def branch(self, name: str, commit: Commit, *, is_protected: bool) -> Document:
        url = f"{self.repo_url}/branches/{name}"
        return {
            "name": name,
            "commit": self._full_commit(commit),
            "_links": {"self": url, "html": f"{REPOSITORY_PAGE}/tree/{name}"},
            "protected": is_protected,
            "protection": {
                "enabled": is_protected,
                "required_status_checks": {"enforcement_level": "off", "contexts": [], "checks": []},
            },
            "protection_url": f"{url}/protection",
        }

    def _full_commit(self, commit: Commit) -> Document:
        url, page = f"{self.repo_url}/commits/{commit.sha}", f"{REPOSITORY_PAGE}/commit"
        person = {"name": commit.author, "email": commit.email, "date": commit.date}
        account = self._world.account(commit.author)
        user = self.user(account) if account is not None else None
        tree = {"sha": commit.tree, "url": f"{self.repo_url}/git/trees/{commit.tree}"}
        unsigned = {"verified": False, "reason": "unsigned", **each("signature payload verified_at")}
        return {
            "sha": commit.sha,
            "node_id": f"C_{commit.sha}",
            "commit": {
                **each("author committer", person),
                "message": commit.message,
                "tree": tree,
                "url": f"{self.repo_url}/git/commits/{commit.sha}",
                "comment_count": 0,
                "verification": unsigned,
            },
            "url": url,
            "html_url": f"{page}/{commit.sha}",
            "comments_url": f"{url}/comments",
            **each("author committer", user),
            "parents": [
                {"sha": sha, "url": f"{self.repo_url}/commits/{sha}", "html_url": f"{page}/{sha}"}
                for sha in commit.parents
            ],
        }

    def push(self, pushed: Pushed, sender: Account) -> Document:
        """The payload of a push, in which the repository's times are numbers."""
        commits = [self._pushed_commit(commit) for commit in pushed.commits]
        before, after = pushed.before or NO_COMMIT, pushed.after or NO_COMMIT
        return {
            "ref": pushed.ref,
            "before": before,
            "after": after,
            "base_ref": None,
            "created": pushed.before is None,
            "deleted": pushed.after is None,
            "forced": pushed.forced,
            "compare": f"{REPOSITORY_PAGE}/compare/{before[:12]}...{after[:12]}",
            "commits": commits,
            "head_commit": commits[-1] if commits else None,
            "pusher": {"name": sender.login, "email": f"{sender.login}@users.noreply.github.com"},
            "repository": self.webhook_repository() | {"created_at": LONG_AGO_SECONDS, "pushed_at": LONG_AGO_SECONDS},
        }

    def _pushed_commit(self, commit: Commit) -> Document:
        person = {"name": commit.author, "email": commit.email, "username": commit.author}
        return {
            **copy(commit, "message added removed modified"),
            "id": commit.sha,
            "tree_id": commit.tree,
            "distinct": True,
            "timestamp": commit.date,
            "url": f"{REPOSITORY_PAGE}/commit/{commit.sha}",
            "author": person,
            "committer": person,
        }

    # Comments

    def comment(self, comment: Comment) -> Document:
        """A comment on a thread, on a line of a diff, or a review."""
        document = {
            "user": self.user(comment.account),
            "author_association": _association(comment.account.role),
            "body": comment.body,
        }
        match comment.kind:
            case "issue-comment":
                return document | self._issue_comment(comment)
            case "review-comment":
                return document | self._review_comment(comment)
        return document | self._review(comment)

    def _issue_comment(self, comment: Comment) -> Document:
        url = f"{self.repo_url}/issues/comments/{comment.id}"
        page = "pull" if self._world.threads[comment.number].is_pull_request else "issues"
        return {
            **ids("IC", comment.id),
            **copy(comment, "created_at updated_at"),
            "url": url,
            "html_url": f"{self.page}/{page}/{comment.number}#issuecomment-{comment.id}",
            "issue_url": f"{self.repo_url}/issues/{comment.number}",
            "reactions": self._rollup(comment.reactions, url),
            "performed_via_github_app": self.app() if comment.author == BOT_LOGIN else None,
        }

    def _review_comment(self, comment: Comment) -> Document:
        url = f"{self.repo_url}/pulls/comments/{comment.id}"
        page = f"{self.page}/pull/{comment.number}#discussion_r{comment.id}"
        pull = f"{self.repo_url}/pulls/{comment.number}"
        document = {
            **ids("RC", comment.id),
            **copy(comment, "path line start_line start_side side subject_type created_at updated_at"),
            **each("commit_id original_commit_id", self._world.threads[comment.number].head_sha),
            **each("original_line original_position", comment.original_line or comment.line or 1),
            "position": comment.line or (1 if comment.subject_type == "file" else None),
            "original_start_line": comment.start_line,
            "pull_request_review_id": comment.review_id,
            "url": url,
            "html_url": page,
            "pull_request_url": pull,
            "_links": _links(self=url, html=page, pull_request=pull),
            "diff_hunk": "@@ -1,3 +1,3 @@\n def total(items, tax):",
            "reactions": self._rollup(comment.reactions, url),
        }
        return document | ({"in_reply_to_id": comment.in_reply_to} if comment.in_reply_to else {})

    def _review(self, comment: Comment) -> Document:
        page = f"{self.page}/pull/{comment.number}#pullrequestreview-{comment.id}"
        pull = f"{self.repo_url}/pulls/{comment.number}"
        return {
            **ids("RV", comment.id),
            "state": comment.state.upper(),
            "html_url": page,
            "pull_request_url": pull,
            "_links": _links(html=page, pull_request=pull),
            "submitted_at": moment(comment.created_at),
            "commit_id": self._world.threads[comment.number].head_sha,
        }

    def webhook_review(self, comment: Comment) -> Document:
        """In a payload the state is in lower case, and an empty text is null."""
        changed = {"state": comment.state, "body": comment.body or None, "updated_at": moment(comment.updated_at)}
        return self.comment(comment) | changed

    def reaction(self, reaction: Reaction) -> Document:
        user = self.user(reaction.account)
        return {**ids("RE", reaction.id), "user": user, **copy(reaction, "content created_at")}

    @staticmethod
    def _rollup(reactions: list[Reaction], url: str) -> Document:
        counts = Counter(reaction.content for reaction in reactions)
        return {
            "url": f"{url}/reactions",
            "total_count": len(reactions),
            **{content: counts[content] for content in REACTIONS},
        }

    # Checks

    def check_run(self, check: CheckRun) -> Document:
        """With the App that created it, which need not be the emulated bot's."""
        url = f"{self.repo_url}/check-runs/{check.id}"
        output = {name: (check.output or {}).get(name) for name in ("title", "summary", "text")}
        return {
            **ids("CR", check.id),
            **copy(check, "name head_sha status conclusion started_at completed_at"),
            "external_id": "",
            "details_url": None,
            "url": url,
            "html_url": f"{REPOSITORY_PAGE}/runs/{check.id}",
            "output": {**output, "annotations_count": 0, **addresses(url, "annotations")},
            "check_suite": {"id": self._world.check_suite_id(check.head_sha, check.app)},
            "app": self.app() | {"slug": check.app, "name": check.app},
            "pull_requests": [],
        }

    def check_suite(self, thread: Thread, app: str, commit: Commit) -> Document:
        """An App's checks on the head of a pull request, which have all ended."""
        sha = thread.head_sha
        checks = [check for check in self._world.check_runs.values() if (check.head_sha, check.app) == (sha, app)]
        number = self._world.check_suite_id(sha, app)
        url = f"{self.repo_url}/check-suites/{number}"
        conclusions = {check.conclusion for check in checks}
        return {
            **ids("CS", number),
            "head_branch": thread.branch,
            "head_sha": sha,
            "status": "completed",
            "conclusion": next((each for each in _WORST_FIRST if each in conclusions), "success"),
            "url": url,
            "before": None,
            "after": sha,
            # GitHub names none of a fork's.
            "pull_requests": [self._pull_request_of_suite(thread)] if thread.head_repository == REPOSITORY else [],
            "app": self.app() | {"slug": app, "name": app},
            "created_at": moment(self._world.now()),
            "updated_at": moment(self._world.now()),
            "rerequestable": True,
            "runs_rerequestable": True,
            "latest_check_runs_count": len(checks),
            "check_runs_url": f"{url}/check-runs",
            "head_commit": {
                "id": commit.sha,
                "tree_id": commit.tree,
                "message": commit.message,
                "timestamp": commit.date,
                "author": {"name": commit.author, "email": commit.email},
                "committer": {"name": commit.author, "email": commit.email},
            },
        }

    def _pull_request_of_suite(self, thread: Thread) -> Document:
        shown = self.pull_request(thread)

        def end(branch: Document) -> Document:
            repo = branch["repo"]
            return {
                "ref": branch["ref"],
                "sha": branch["sha"],
                "repo": {key: repo[key] for key in ("id", "url", "name")},
            }

        return {
            **{key: shown[key] for key in ("url", "id", "number")},
            "head": end(shown["head"]),
            "base": end(shown["base"]),
        }

    def job(self, check: CheckRun) -> Document:
        """The GitHub Actions job of a check, as if each were the only one of its workflow run."""
        run_url = f"{self.repo_url}/actions/runs/{check.id}"
        return {
            **ids("J", check.id),
            **copy(check, "name head_sha status conclusion started_at completed_at"),
            "created_at": moment(check.started_at),
            "run_id": check.id,
            "run_url": run_url,
            "run_attempt": 1,
            "url": f"{self.repo_url}/actions/jobs/{check.id}",
            "html_url": f"{REPOSITORY_PAGE}/actions/runs/{check.id}/job/{check.id}",
            "check_run_url": f"{self.repo_url}/check-runs/{check.id}",
            "workflow_name": "CI",
            "head_branch": "main",
            "labels": ["ubuntu-latest"],
            **each("runner_id runner_name runner_group_id runner_group_name"),
        }

    # The App

    def app(self, app: App | None = None) -> Document:
        """:param app: None: App 1"""
        app = app or self._world.apps[APP_ID]
        return {
            **ids("A", app.id),
            **copy(app, "slug client_id name html_url permissions events"),
            **CREATED,
            "owner": self.user(self._world.accounts[app.owner]),
            "description": None,
            "external_url": app.html_url,
            "installations_count": 1 if app.installation_id is not None else 0,
        }


_FORMS = ("diff", "patch")
"""Other forms of a pull request's page."""


def _links(**links: str) -> Document:
    return {name: {"href": address} for name, address in links.items()}


def _permissions(role: Role) -> dict[str, bool]:
    return {name: RANK[role] >= rank for rank, name in enumerate(("pull", "triage", "push", "maintain", "admin"), 1)}


def _association(role: Role) -> str:
    # Wrong for private members, as on GitHub: it must not be relied on.
    return "CONTRIBUTOR" if role in {"admin", "write"} else "NONE"
