"""A githubkit call for every address of the emulator, and the objects that they need."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from githubkit import AppAuthStrategy, GitHub, Response, TokenAuthStrategy

from bot.emulators.github import GitHubEmulator
from tests.emulators.github.people import App

Who: TypeAlias = Literal["as-alice", "actions-token", "app"]
Rest: TypeAlias = Any  # githubkit's client is typed by version; which one is installed is not the test's to know
Call: TypeAlias = Callable[[Rest, "Scene"], Awaitable[Response[Any, Any]]]

MANIFEST = {
    "name": "Another bot",
    "url": "https://bot.example.com",
    "hook_attributes": {"url": "https://bot.example.com/hook"},
}

OWNER, NAME = SHOP = ("octo", "shop")


@dataclass(frozen=True)
class Scene:
    """The ids of the objects."""

    comment: int
    review_comment: int
    comment_reaction: int
    review_comment_reaction: int
    issue_reaction: int
    check: int
    delivery: int
    sha: str
    code: str


async def _edit_review(rest: Rest) -> Response[Any, Any]:
    review = await rest.pulls.async_create_review(*SHOP, 1, body="Fine.", event="COMMENT")
    return await rest.pulls.async_update_review(*SHOP, 1, review.parsed_data.id, body="Not quite.")  # type: ignore[no-any-return]


def set_scene(emulator: GitHubEmulator) -> Scene:
    """Creates one object of every kind, so that no list is empty."""
    world = emulator.world
    emulator.label("alice", 1, "bug")
    emulator.label("alice", 1, "enhancement")
    comment = emulator.comment("carol", 1, "Is this right?")
    review_comment = emulator.review_comment("bob", 1, "Why twice?")
    emulator.review("bob", 1, "Two remarks.")
    alice, sha = world.accounts["alice"], world.threads[1].head_sha
    comment_reaction, _ = world.react(comment.reactions, alice, "+1")
    review_comment_reaction, _ = world.react(review_comment.reactions, alice, "+1")
    issue_reaction, _ = world.react(world.threads[1].reactions, alice, "+1")
    output: dict[str, str | None] = {"title": "1 failed", "summary": "1 failed, 3 passed", "text": "assert 1 == 2"}
    check = world.add_check_run("test", sha, conclusion="failure", output=output)
    world.files["tax", "tax.py"] = "RATE = 0.2\n"
    _, code = emulator.manifests.create(MANIFEST, owner="octo", base=emulator.url)
    return Scene(
        comment=comment.id,
        review_comment=review_comment.id,
        comment_reaction=comment_reaction.id,
        review_comment_reaction=review_comment_reaction.id,
        issue_reaction=issue_reaction.id,
        check=check.id,
        delivery=emulator.deliveries[0].id,
        sha=sha,
        code=code,
    )


def client(emulator: GitHubEmulator, who: Who, app: App) -> GitHub[Any]:
    auth = AppAuthStrategy("1", app.private_pem) if who == "app" else TokenAuthStrategy(who)
    return GitHub(auth, base_url=emulator.url, http_cache=False, auto_retry=False)


_AS_ALICE: dict[str, Call] = {
    # Comments
    "GET /repos/{owner}/{repo}/issues/comments": lambda rest, _: rest.issues.async_list_comments_for_repo(*SHOP),
    "GET /repos/{owner}/{repo}/issues/comments/{comment_id}": lambda rest, at: rest.issues.async_get_comment(
        *SHOP, at.comment
    ),
    "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}": lambda rest, at: rest.issues.async_update_comment(
        *SHOP, at.comment, body="It is."
    ),
    "DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}": lambda rest, at: rest.issues.async_delete_comment(
        *SHOP, at.comment
    ),
    "GET /repos/{owner}/{repo}/issues/{number}/comments": lambda rest, _: rest.issues.async_list_comments(*SHOP, 1),
    "POST /repos/{owner}/{repo}/issues/{number}/comments": lambda rest, _: rest.issues.async_create_comment(
        *SHOP, 1, body="It is."
    ),
    "GET /repos/{owner}/{repo}/pulls/comments": lambda rest, _: rest.pulls.async_list_review_comments_for_repo(*SHOP),
    "GET /repos/{owner}/{repo}/pulls/comments/{comment_id}": lambda rest, at: rest.pulls.async_get_review_comment(
        *SHOP, at.review_comment
    ),
    "PATCH /repos/{owner}/{repo}/pulls/comments/{comment_id}": lambda rest, at: rest.pulls.async_update_review_comment(
        *SHOP, at.review_comment, body="Rounded twice."
    ),
    "POST /repos/{owner}/{repo}/pulls/{number}/comments": lambda rest, at: rest.pulls.async_create_review_comment(
        *SHOP, 1, body="Why?", commit_id=at.sha, path="app/checkout.py", line=2, side="RIGHT"
    ),
    "POST /repos/{owner}/{repo}/pulls/{number}/comments/{comment_id}/replies": lambda rest, at: (
        rest.pulls.async_create_reply_for_review_comment(*SHOP, 1, at.review_comment, body="Because.")
    ),
    "POST /repos/{owner}/{repo}/pulls/{number}/reviews": lambda rest, _: rest.pulls.async_create_review(
        *SHOP, 1, body="Fine.", event="COMMENT"
    ),
    "GET /repos/{owner}/{repo}/pulls/{number}/reviews": lambda rest, _: rest.pulls.async_list_reviews(*SHOP, 1),
    "GET /repos/{owner}/{repo}/pulls/{number}/comments": lambda rest, _: rest.pulls.async_list_review_comments(
        *SHOP, 1
    ),
    "PUT /repos/{owner}/{repo}/pulls/{number}/reviews/{review_id}": lambda rest, _: _edit_review(rest),
    "DELETE /repos/{owner}/{repo}/git/refs/heads/{branch}": lambda rest, _: rest.git.async_delete_ref(
        *SHOP, "heads/fix-checkout"
    ),
    # Reactions
    "GET /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions": lambda rest, at: (
        rest.reactions.async_list_for_issue_comment(*SHOP, at.comment)
    ),
    "POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions": lambda rest, at: (
        rest.reactions.async_create_for_issue_comment(*SHOP, at.comment, content="eyes")
    ),
    "DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions/{reaction_id}": lambda rest, at: (
        rest.reactions.async_delete_for_issue_comment(*SHOP, at.comment, at.comment_reaction)
    ),
    "POST /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions": lambda rest, at: (
        rest.reactions.async_create_for_pull_request_review_comment(*SHOP, at.review_comment, content="rocket")
    ),
    "DELETE /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions/{reaction_id}": lambda rest, at: (
        rest.reactions.async_delete_for_pull_request_comment(*SHOP, at.review_comment, at.review_comment_reaction)
    ),
    "GET /repos/{owner}/{repo}/issues/{number}/reactions": lambda rest, _: rest.reactions.async_list_for_issue(
        *SHOP, 1
    ),
    "POST /repos/{owner}/{repo}/issues/{number}/reactions": lambda rest, _: rest.reactions.async_create_for_issue(
        *SHOP, 1, content="heart"
    ),
    "DELETE /repos/{owner}/{repo}/issues/{number}/reactions/{reaction_id}": lambda rest, at: (
        rest.reactions.async_delete_for_issue(*SHOP, 1, at.issue_reaction)
    ),
    # Issues, labels and pull requests
    "GET /repos/{owner}/{repo}/issues": lambda rest, _: rest.issues.async_list_for_repo(*SHOP),
    "POST /repos/{owner}/{repo}/issues": lambda rest, _: rest.issues.async_create(
        *SHOP, title="A third", body="Of three.", labels=["bug"]
    ),
    "GET /repos/{owner}/{repo}/issues/{number}": lambda rest, _: rest.issues.async_get(*SHOP, 2),
    "GET /repos/{owner}/{repo}/issues/{number}/labels": lambda rest, _: rest.issues.async_list_labels_on_issue(
        *SHOP, 1
    ),
    "POST /repos/{owner}/{repo}/issues/{number}/labels": lambda rest, _: rest.issues.async_add_labels(
        *SHOP, 1, labels=["new"]
    ),
    "DELETE /repos/{owner}/{repo}/issues/{number}/labels/{name}": lambda rest, _: rest.issues.async_remove_label(
        *SHOP, 1, "bug"
    ),
    "GET /repos/{owner}/{repo}/labels": lambda rest, _: rest.issues.async_list_labels_for_repo(*SHOP),
    "POST /repos/{owner}/{repo}/labels": lambda rest, _: rest.issues.async_create_label(
        *SHOP, name="new", color="00ff00", description="Not seen before"
    ),
    "GET /repos/{owner}/{repo}/labels/{name}": lambda rest, _: rest.issues.async_get_label(*SHOP, "bug"),
    "GET /repos/{owner}/{repo}/pulls/{number}": lambda rest, _: rest.pulls.async_get(*SHOP, 1),
    "GET /repos/{owner}/{repo}/pulls": lambda rest, _: rest.pulls.async_list(*SHOP, head="octo:fix-checkout"),
    "POST /repos/{owner}/{repo}/pulls": lambda rest, _: rest.pulls.async_create(
        *SHOP, title="Add the tax", head="tax", base="main", body="At last."
    ),
    "PATCH /repos/{owner}/{repo}/pulls/{number}": lambda rest, _: rest.pulls.async_update(
        *SHOP, 1, title="Fix it", state="closed"
    ),
    "GET /repos/{owner}/{repo}/pulls/{number}/files": lambda rest, _: rest.pulls.async_list_files(*SHOP, 1),
    "GET /repos/{owner}/{repo}/branches/{branch}": lambda rest, _: rest.repos.async_get_branch(*SHOP, "main"),
    # Code and people
    "GET /repos/{owner}/{repo}": lambda rest, _: rest.repos.async_get(*SHOP),
    "GET /repos/{owner}/{repo}/collaborators/{username}/permission": lambda rest, _: (
        rest.repos.async_get_collaborator_permission_level(*SHOP, "bob")
    ),
    "GET /repos/{owner}/{repo}/contents/{path}": lambda rest, _: rest.repos.async_get_content(*SHOP, "app/checkout.py"),
    "GET /users/{username}": lambda rest, _: rest.users.async_get_by_username("bob"),
    "GET /user/repos": lambda rest, _: rest.repos.async_list_for_authenticated_user(),
    "GET /user": lambda rest, _: rest.users.async_get_authenticated(),
    # Checks and workflow runs
    "GET /repos/{owner}/{repo}/commits/{ref}/check-runs": lambda rest, at: rest.checks.async_list_for_ref(
        *SHOP, at.sha
    ),
    "GET /repos/{owner}/{repo}/actions/jobs/{check_run_id}": lambda rest, at: (
        rest.actions.async_get_job_for_workflow_run(*SHOP, at.check)
    ),
    "GET /repos/{owner}/{repo}/actions/jobs/{check_run_id}/logs": lambda rest, at: (
        rest.actions.async_download_job_logs_for_workflow_run(*SHOP, at.check)
    ),
    # App manifests and the repository's webhook
    "POST /app-manifests/{code}/conversions": lambda rest, at: rest.apps.async_create_from_manifest(at.code),
    "GET /repos/{owner}/{repo}/hooks": lambda rest, _: rest.repos.async_list_webhooks(*SHOP),
    "GET /repos/{owner}/{repo}/hooks/{hook_id}/deliveries": lambda rest, _: rest.repos.async_list_webhook_deliveries(
        *SHOP, 1
    ),
    "POST /repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}/attempts": lambda rest, at: (
        rest.repos.async_redeliver_webhook_delivery(*SHOP, 1, at.delivery)
    ),
}

_AS_THE_APP: dict[str, Call] = {
    "GET /app": lambda rest, _: rest.apps.async_get_authenticated(),
    "GET /app/installations": lambda rest, _: rest.apps.async_list_installations(),
    "POST /app/installations/{installation_id}/access_tokens": lambda rest, _: (
        rest.apps.async_create_installation_access_token(1)
    ),
    "GET /app/hook/config": lambda rest, _: rest.apps.async_get_webhook_config_for_app(),
    "GET /app/hook/deliveries": lambda rest, _: rest.apps.async_list_webhook_deliveries(),
    "POST /app/hook/deliveries/{delivery_id}/attempts": lambda rest, at: rest.apps.async_redeliver_webhook_delivery(
        at.delivery
    ),
    "GET /repos/{owner}/{repo}/installation": lambda rest, _: rest.apps.async_get_repo_installation(*SHOP),
}

CALLS: dict[str, tuple[Who, Call]] = {
    "GET /installation/repositories": (
        *("actions-token", lambda rest, _: rest.apps.async_list_repos_accessible_to_installation()),
    ),
    **{address: ("as-alice", call) for address, call in _AS_ALICE.items()},
    **{address: ("app", call) for address, call in _AS_THE_APP.items()},
}


async def answer_to(emulator: GitHubEmulator, address: str, app: App) -> Response[Any, Any]:
    """The response to the call for an address."""
    who, call = CALLS[address]
    async with client(emulator, who, app) as github:
        return await call(github.rest, set_scene(emulator))
