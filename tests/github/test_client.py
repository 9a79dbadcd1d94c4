"""What the client asks of GitHub, and what it makes of the answers."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from bot.errors import ErrorKind, UpstreamError
from bot.github.auth import TokenAuth
from bot.github.client import GitHub
from bot.github.models import (
    CheckRun,
    CommentKind,
    Label,
    Permission,
    Person,
    PostedComment,
    PullRequest,
    Reaction,
)
from bot.github.session import OpenSession
from tests.github.scripted_server import Reply, Request, Script

REPOSITORY = "octo/shop"
ALICE = {"login": "alice", "type": "User"}
BOT = {"login": "codegen-bot[bot]", "type": "Bot"}


def comment(number: int, **more: Any) -> dict[str, Any]:
    url = f"https://github.com/octo/shop/issues/1#issuecomment-{number}"
    return {
        "id": number,
        "body": f"Text {number}",
        "html_url": url,
        "user": BOT,
        "created_at": "2027-01-15T08:00:00Z",
        **more,
    }


def posted(number: int, *, author: Person | None = None, body: str | None = None) -> PostedComment:
    return PostedComment(
        id=number,
        body=f"Text {number}" if body is None else body,
        url=f"https://github.com/octo/shop/issues/1#issuecomment-{number}",
        author=author or Person("codegen-bot[bot]", is_bot=True),
        created_at=datetime(2027, 1, 15, 8, tzinfo=UTC),
    )


async def test_request_headers(script: Script, github: GitHub) -> None:
    script.on("GET", "/repos/octo/shop", Reply({"default_branch": "main"}))
    assert await github.default_branch(REPOSITORY) == "main"
    (request,) = script.requests
    assert request.authorization == "token ghp_secret"
    assert request.headers["user-agent"] == "codegen-bot"
    assert request.headers["x-github-api-version"] == "2022-11-28"


async def test_base_url_of_enterprise_keeps_its_path(script: Script, session: OpenSession) -> None:
    script.on("GET", "/api/v3/repos/octo/shop", Reply({"default_branch": "main"}))
    github = GitHub(session, TokenAuth("ghp_secret"), base_url=f"{script.url}/api/v3")
    assert await github.default_branch(REPOSITORY) == "main"


# Comments


async def test_comment_created_edited_and_deleted(script: Script, github: GitHub) -> None:
    script.on("POST", "/repos/octo/shop/issues/1/comments", Reply(comment(7), status=201))
    script.on("PATCH", "/repos/octo/shop/issues/comments/7", Reply(comment(7, body=None, user=None)))
    script.on("DELETE", "/repos/octo/shop/issues/comments/7", Reply(status=204))
    assert await github.comment(REPOSITORY, 1, "Text {7} é") == posted(7)
    assert await github.edit_comment(REPOSITORY, 7, "new") == posted(7, body="", author=Person("ghost", is_bot=False))
    await github.delete_comment(REPOSITORY, 7)
    assert [request.body for request in script.requests] == [{"body": "Text {7} é"}, {"body": "new"}, None]


async def test_delete_comment_missing_one_is_no_error(script: Script, github: GitHub) -> None:
    await github.delete_comment(REPOSITORY, 7)
    assert script.asked() == ["DELETE /repos/octo/shop/issues/comments/7"]


async def test_comments_of_all_pages(script: Script, github: GitHub) -> None:
    def page(request: Request) -> Reply:
        number = int(request.query.get("page", "1"))
        following = f'<{script.url}/repos/octo/shop/issues/1/comments?per_page=100&page={number + 1}>; rel="next"'
        return Reply([comment(number)], headers={"link": following} if number < 3 else {})

    script.on("GET", "/repos/octo/shop/issues/1/comments", page)
    assert [found async for found in github.comments(REPOSITORY, 1)] == [posted(1), posted(2), posted(3)]
    assert [dict(request.query) for request in script.requests] == [
        {"per_page": "100"},
        {"per_page": "100", "page": "2"},
        {"per_page": "100", "page": "3"},
    ]


async def test_comments_failed_page_is_retried_alone(script: Script, github: GitHub) -> None:
    following = f'<{script.url}/second>; rel="next", <{script.url}/second>; rel="last"'
    script.on("GET", "/repos/octo/shop/issues/1/comments", Reply([comment(1)], headers={"link": following}))
    script.on("GET", "/second", Reply(status=502), Reply([comment(2)]))
    assert [found.id async for found in github.comments(REPOSITORY, 1)] == [1, 2]
    assert script.asked() == ["GET /repos/octo/shop/issues/1/comments", "GET /second", "GET /second"]


async def test_comments_pages_are_requested_as_consumed(script: Script, github: GitHub) -> None:
    following = f'<{script.url}/second>; rel="next"'
    script.on("GET", "/repos/octo/shop/issues/1/comments", Reply([comment(1)], headers={"link": following}))
    found = await anext(aiter(github.comments(REPOSITORY, 1)))
    assert found == posted(1)
    assert len(script.requests) == 1


async def test_comments_since_is_sent_in_utc(script: Script, github: GitHub) -> None:
    script.on("GET", "/repos/octo/shop/issues/1/comments", Reply([]))
    since = datetime(2027, 1, 15, 10, tzinfo=timezone(timedelta(hours=2)))
    assert [found async for found in github.comments(REPOSITORY, 1, since=since)] == []
    assert script.requests[0].query == {"per_page": "100", "since": "2027-01-15T08:00:00Z"}


# Reactions

REACTION_PATHS = {
    CommentKind.ISSUE_COMMENT: "/repos/octo/shop/issues/comments/7/reactions",
    CommentKind.REVIEW_COMMENT: "/repos/octo/shop/pulls/comments/7/reactions",
}


@pytest.mark.parametrize("kind", REACTION_PATHS)
async def test_react_endpoint_by_kind_of_comment(script: Script, github: GitHub, kind: CommentKind) -> None:
    path = REACTION_PATHS[kind]
    script.on("POST", path, Reply({"id": 70, "content": "+1"}, status=200))
    await github.react(REPOSITORY, kind=kind, comment_id=7, content=Reaction.PLUS_ONE)
    assert script.asked() == [f"POST {path}"]
    assert script.requests[0].body == {"content": "+1"}


async def test_react_to_review_does_nothing(script: Script, github: GitHub) -> None:
    await github.react(REPOSITORY, kind=CommentKind.REVIEW, comment_id=7, content=Reaction.EYES)
    assert script.requests == []


# People

PERMISSIONS = [
    ("admin", "admin", Permission.ADMIN),
    ("write", "maintain", Permission.MAINTAIN),
    ("write", "write", Permission.WRITE),
    ("read", "triage", Permission.TRIAGE),
    ("read", "read", Permission.READ),
    ("none", "none", Permission.NONE),
    ("none", "", Permission.NONE),
    ("write", "release managers", Permission.WRITE),  # an organization's own role
    ("read", "maintain", Permission.READ),  # one that borrows a name gives no more than it has
    ("read", "admin", Permission.READ),
    ("something new", "admin", Permission.NONE),
]


@pytest.mark.parametrize(("plain", "role", "permission"), PERMISSIONS)
async def test_permission_by_old_value_and_role(
    script: Script, github: GitHub, plain: str, role: str, permission: Permission
) -> None:
    answer = Reply({"permission": plain, "role_name": role, "user": ALICE})
    script.on("GET", "/repos/octo/shop/collaborators/alice/permission", answer)
    assert await github.permission(REPOSITORY, "alice") is permission


async def test_permission_unknown_user_has_none(script: Script, github: GitHub) -> None:
    assert await github.permission(REPOSITORY, "codegen-bot[bot]") is Permission.NONE
    assert script.asked() == ["GET /repos/octo/shop/collaborators/codegen-bot%5Bbot%5D/permission"]


async def test_permission_refused_is_an_error(script: Script, github: GitHub) -> None:
    script.on("GET", "/repos/octo/shop/collaborators/alice/permission", Reply({"message": "No"}, status=403))
    with pytest.raises(UpstreamError):
        await github.permission(REPOSITORY, "alice")


def test_permission_order_and_words() -> None:
    assert max(Permission) is Permission.ADMIN
    assert [permission.word for permission in sorted(Permission)] == [
        "none",
        "read",
        "triage",
        "write",
        "maintain",
        "admin",
    ]


@pytest.mark.parametrize(
    ("user", "person"), [(BOT, Person("codegen-bot[bot]", is_bot=True)), (ALICE, Person("alice", is_bot=False))]
)
async def test_me_is_requested_once(script: Script, github: GitHub, user: dict[str, Any], person: Person) -> None:
    script.on("GET", "/user", Reply(user))
    assert await github.me() == person
    assert await github.me() == person
    assert script.asked() == ["GET /user"]


# Labels


async def test_labels_read_added_and_removed(script: Script, github: GitHub) -> None:
    run = {"name": "codegen:run", "color": "ededed", "description": None}
    script.on("GET", "/repos/octo/shop/issues/1/labels", Reply([run]))
    script.on("POST", "/repos/octo/shop/issues/1/labels", Reply([run]))
    script.on("DELETE", "/repos/octo/shop/issues/1/labels/area%2Fshop%20%7Bx%7D", Reply([]))
    assert await github.labels(REPOSITORY, 1) == [Label("codegen:run", "ededed", "")]
    assert await github.add_labels(REPOSITORY, 1, ["codegen:run"]) == [Label("codegen:run", "ededed", "")]
    await github.remove_label(REPOSITORY, 1, "area/shop {x}")
    assert script.requests[1].body == {"labels": ["codegen:run"]}
    assert script.requests[2].method == "DELETE"


async def test_remove_label_missing_one_is_no_error(script: Script, github: GitHub) -> None:
    await github.remove_label(REPOSITORY, 1, "codegen:run")
    assert len(script.requests) == 1


async def test_create_label_twice_returns_existing(script: Script, github: GitHub) -> None:
    label = Label("codegen:run", "5319e7", "Starts an agent")
    known = {"name": "codegen:run", "color": "ffffff", "description": "Old"}
    exists = {
        "message": "Validation Failed",
        "errors": [{"resource": "Label", "code": "already_exists", "field": "name"}],
    }
    made = Reply({"name": label.name, "color": label.color, "description": label.description}, status=201)
    script.on("POST", "/repos/octo/shop/labels", made, Reply(exists, status=422))
    script.on("GET", "/repos/octo/shop/labels/codegen:run", Reply(known))
    assert await github.create_label(REPOSITORY, label) == label
    assert await github.create_label(REPOSITORY, label) == Label("codegen:run", "ffffff", "Old")
    assert script.requests[0].body == {"name": "codegen:run", "color": "5319e7", "description": "Starts an agent"}


async def test_create_label_refused_is_an_error(script: Script, github: GitHub) -> None:
    script.on("POST", "/repos/octo/shop/labels", Reply({"message": "color is not hexadecimal"}, status=422))
    with pytest.raises(UpstreamError, match="not hexadecimal") as caught:
        await github.create_label(REPOSITORY, Label("x", "red", ""))
    assert caught.value.kind is ErrorKind.INVALID


# Code


async def test_pull_request_open_and_without_fork(script: Script, github: GitHub) -> None:
    answer = {
        "number": 1,
        "title": "Fix the checkout",
        "body": None,
        "html_url": "https://github.com/octo/shop/pull/1",
        "state": "open",
        "node_id": "PR_1",
        "draft": True,
        "head": {"ref": "fix-checkout", "sha": "a" * 40, "repo": {"full_name": "alice/shop"}},
        "base": {"ref": "main", "sha": "b" * 40, "repo": {"full_name": "octo/shop"}},
    }
    fork_gone = answer | {"head": {"ref": "fix-checkout", "sha": "a" * 40, "repo": None}}
    script.on("GET", "/repos/octo/shop/pulls/1", Reply(answer), Reply(fork_gone))
    assert await github.pull_request(REPOSITORY, 1) == PullRequest(
        number=1,
        title="Fix the checkout",
        body="",
        url="https://github.com/octo/shop/pull/1",
        state="open",
        node_id="PR_1",
        is_draft=True,
        head_branch="fix-checkout",
        head_sha="a" * 40,
        base_branch="main",
        head_repository="alice/shop",
        repository="octo/shop",
    )
    assert (await github.pull_request(REPOSITORY, 1)).head_repository is None


def content(data: bytes, **more: Any) -> dict[str, Any]:
    return {"type": "file", "encoding": "base64", "content": base64.encodebytes(data).decode(), **more}


async def test_file_text_at_path_and_ref(script: Script, github: GitHub) -> None:
    path = "/repos/octo/shop/contents/.github/a%20%23%7Bb%7D.yml"
    script.on("GET", path, Reply(content("prefix: /é\n".encode() * 40)))
    assert await github.file(REPOSITORY, ".github/a #{b}.yml", ref="main") == "prefix: /é\n" * 40
    assert await github.file(REPOSITORY, "/.github/a #{b}.yml") == "prefix: /é\n" * 40
    assert [dict(request.query) for request in script.requests] == [{"ref": "main"}, {}]


async def test_file_missing_is_none(script: Script, github: GitHub) -> None:
    script.on("GET", "/repos/octo/shop/contents/x", Reply({"message": "Not Found"}, status=404))
    assert await github.file(REPOSITORY, "x") is None


@pytest.mark.parametrize("path", ["../../../user", ".github/../../x", "a//b", "", "."])
async def test_file_path_never_leaves_the_repository(script: Script, github: GitHub, path: str) -> None:
    assert await github.file(REPOSITORY, path) is None
    assert script.requests == []


@pytest.mark.parametrize(
    "answer",
    [
        content(b"\xff\xfe"),
        {"type": "file", "encoding": "none", "content": ""},
        [content(b"x", name="in a folder")],
        {"type": "symlink", "target": "/etc/passwd"},
        {"type": "submodule"},
    ],
)
async def test_file_not_text_is_an_error(script: Script, github: GitHub, answer: Any) -> None:
    script.on("GET", "/repos/octo/shop/contents/x", Reply(answer))
    with pytest.raises(UpstreamError, match="x is over 1 MB, or no file of UTF-8 text") as caught:
        await github.file(REPOSITORY, "x")
    assert caught.value.kind is ErrorKind.INVALID


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (Reply([content(b"x")]), True),
        (Reply({"message": "This repository is empty."}, status=404), True),
        (Reply({"message": "Not Found"}, status=404), False),
    ],
)
async def test_shows_files_hidden_or_empty(script: Script, github: GitHub, answer: Reply, *, shown: bool) -> None:
    script.on("GET", "/repos/octo/shop/contents/", answer)
    assert await github.shows_files(REPOSITORY) is shown


async def test_shows_files_refused_is_an_error(script: Script, github: GitHub) -> None:
    script.on("GET", "/repos/octo/shop/contents/", Reply({"message": "Forbidden"}, status=403))
    with pytest.raises(UpstreamError) as caught:
        await github.shows_files(REPOSITORY)
    assert caught.value.kind is ErrorKind.FORBIDDEN


async def test_check_runs_of_all_pages(script: Script, github: GitHub) -> None:
    def check(number: int, **more: Any) -> dict[str, Any]:
        return {"id": number, "name": f"test {number}", "status": "completed", "conclusion": "failure", **more}

    path = "/repos/octo/shop/commits/feature%2Fx/check-runs"
    following = {"link": f'<{script.url}/second>; rel="next"'}
    first = check(1, html_url="https://github.com/octo/shop/runs/1", app={"slug": "github-actions"})
    second = check(2, status="queued", conclusion=None, html_url=None, app=None)
    script.on("GET", path, Reply({"total_count": 2, "check_runs": [first]}, headers=following))
    script.on("GET", "/second", Reply({"total_count": 2, "check_runs": [second]}))
    assert await github.check_runs(REPOSITORY, "feature/x") == [
        CheckRun(
            id=1,
            name="test 1",
            status="completed",
            conclusion="failure",
            url="https://github.com/octo/shop/runs/1",
            app="github-actions",
        ),
        CheckRun(id=2, name="test 2", status="queued", conclusion=None, url=None, app=None),
    ]


async def test_check_runs_page_without_list_is_a_bad_answer(script: Script, github: GitHub) -> None:
    script.on("GET", "/repos/octo/shop/commits/main/check-runs", Reply({"total_count": 0}))
    with pytest.raises(UpstreamError) as caught:
        await github.check_runs(REPOSITORY, "main")
    assert caught.value.kind is ErrorKind.BAD_ANSWER


# What was answered before


async def test_cache_revalidates_by_etag(script: Script, github: GitHub) -> None:
    def answer(request: Request) -> Reply:
        if request.headers.get("if-none-match") == 'W/"1"':
            return Reply(status=304, headers={"etag": 'W/"1"'})
        return Reply({"default_branch": "main"}, headers={"etag": 'W/"1"'})

    script.on("GET", "/repos/octo/shop", answer)
    assert [await github.default_branch(REPOSITORY) for _ in range(3)] == ["main"] * 3
    assert [request.headers.get("if-none-match") for request in script.requests] == [None, 'W/"1"', 'W/"1"']


async def test_cache_of_pages_by_their_etags(script: Script, github: GitHub) -> None:
    def first(request: Request) -> Reply:
        headers = {"etag": '"1"', "link": f'<{script.url}/second>; rel="next"'}
        return Reply(status=304) if "if-none-match" in request.headers else Reply([comment(1)], headers=headers)

    script.on("GET", "/repos/octo/shop/issues/1/comments", first)
    script.on("GET", "/second", Reply([comment(2)], headers={"etag": '"2"'}))
    for _ in range(2):
        assert [found.id async for found in github.comments(REPOSITORY, 1)] == [1, 2]
    assert [request.headers.get("if-none-match") for request in script.requests] == [None, None, '"1"', '"2"']


async def test_cache_excludes_large_responses(script: Script, github: GitHub) -> None:
    large = [comment(1, body="x" * 65_536)]
    script.on("GET", "/repos/octo/shop/issues/1/comments", Reply(large, headers={"etag": '"1"'}))
    for _ in range(2):
        assert [found.id async for found in github.comments(REPOSITORY, 1)] == [1]
    assert [request.headers.get("if-none-match") for request in script.requests] == [None, None]
