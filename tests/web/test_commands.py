"""Which deliveries contain commands, and their identities."""

from __future__ import annotations

from typing import Any

import pytest
from inline_snapshot import snapshot

from bot.commands.ban_checks import BanChecks, UnbanChecks
from bot.commands.help import Help
from bot.commands.run import Run
from bot.commands.usage import InvalidCommand
from bot.execution.invocation import LabelChange
from bot.execution.repository_config.model import LabelRole
from bot.github.models import CommentKind, Person
from bot.text.markers import Marker, Stage, write
from tests.web.deliveries import (
    ALICE,
    BOT,
    ISSUE,
    MALLORY,
    NOON,
    PULL_REQUEST,
    Client,
    FakeEngine,
    deliver,
    edited,
    issue_comment,
    payload,
    written,
)

RUN = "/codegen run fix it"
ON_A_LINE = {"path": "shop/cart.py", "line": 3, "diff_hunk": "@@ -1 +1 @@"}


async def commands(client: Client, document: dict[str, Any], event: str = "issue_comment") -> list[str]:
    """The identities in the response."""
    response = await deliver(client, document, event)
    identities: list[str] = (await response.json())["commands"]
    assert response.status == (202 if identities else 200)
    return identities


# Where commands are read


@pytest.mark.parametrize(
    ("event", "document", "kind", "number"),
    [
        ("issue_comment", payload("created", issue=ISSUE, comment=written(RUN)), CommentKind.ISSUE_COMMENT, 2),
        (
            "issue_comment",
            payload("created", issue=PULL_REQUEST | {"pull_request": {}}, comment=written(RUN)),
            CommentKind.ISSUE_COMMENT,
            1,
        ),
        (
            "pull_request_review_comment",
            payload("created", pull_request=PULL_REQUEST, comment=written(RUN, **ON_A_LINE)),
            CommentKind.REVIEW_COMMENT,
            1,
        ),
        (
            "pull_request_review",
            payload("submitted", pull_request=PULL_REQUEST, review=written(RUN)),
            CommentKind.REVIEW,
            1,
        ),
    ],
    ids=["issue", "pull request", "line", "review"],
)
async def test_every_comment_kind_gives_command(
    client: Client, engine: FakeEngine, event: str, document: dict[str, Any], kind: CommentKind, number: int
) -> None:
    identities = await commands(client, document, event)
    (invocation,) = engine.taken
    assert identities == [invocation.identity]
    assert engine.prompts == ["fix it"]
    assert invocation.thread is not None
    assert (invocation.thread.repository, invocation.thread.number) == ("octo/shop", number)
    assert invocation.thread.is_pull_request == (number == 1)
    assert invocation.comment is not None
    assert (invocation.comment.kind, invocation.comment.id) == (kind, 7)
    assert invocation.person == Person("alice", is_bot=False)
    assert (invocation.requested_at, invocation.prefix) == (NOON, "/codegen")


async def test_inline_comment_keeps_its_line(client: Client, engine: FakeEngine) -> None:
    document = payload("created", pull_request=PULL_REQUEST, comment=written(RUN, **ON_A_LINE))
    await commands(client, document, "pull_request_review_comment")
    comment = engine.taken[0].comment
    assert comment is not None
    assert (comment.path, comment.line, comment.diff_hunk) == ("shop/cart.py", 3, "@@ -1 +1 @@")


async def test_mistyped_command_is_accepted(client: Client, engine: FakeEngine) -> None:
    """Its author waits for an answer."""
    assert len(await commands(client, issue_comment("/codegen rnu fix it"))) == 1
    assert isinstance(engine.taken[0].command, InvalidCommand)


# What is acknowledged and ignored


@pytest.mark.parametrize(
    ("event", "document"),
    [
        ("ping", {"zen": "Keep it logically awesome.", "hook_id": 1, "hook": {}}),
        ("marketplace_purchase", {"action": "purchased"}),
        ("an_event_of_tomorrow", {"action": "created", "comment": RUN}),
        ("push", {"ref": "refs/heads/main", "head_commit": {"message": RUN}}),
        ("issues", payload("opened", issue=ISSUE | {"body": RUN})),
        ("issue_comment", issue_comment(RUN, "deleted")),
        ("issue_comment", issue_comment(RUN, "transferred_tomorrow")),
        ("issue_comment", {}),
        ("issue_comment", {"action": ["created"]}),
        (
            "pull_request_review_comment",
            payload("deleted", pull_request=PULL_REQUEST, comment=written(RUN, **ON_A_LINE)),
        ),
        ("pull_request_review", payload("dismissed", pull_request=PULL_REQUEST, review=written(RUN))),
    ],
)
async def test_irrelevant_event_is_acknowledged(
    client: Client, engine: FakeEngine, event: str, document: dict[str, Any]
) -> None:
    response = await deliver(client, document, event)
    assert (response.status, await response.json()) == (200, {"commands": []})
    assert engine.asked == 0


@pytest.mark.parametrize("body", ["Looks good.", "", "> /codegen run fix it", "`/codegen run fix it`", "/codegenius x"])
async def test_comment_without_command_skips_engine(client: Client, engine: FakeEngine, body: str) -> None:
    assert await commands(client, issue_comment(body)) == []
    assert engine.asked == 0


async def test_approving_review_gives_no_command(client: Client, engine: FakeEngine) -> None:
    document = payload("submitted", pull_request=PULL_REQUEST, review=written(None))
    assert await commands(client, document, "pull_request_review") == []
    assert engine.asked == 0


async def test_own_reply_gives_no_command(client: Client, engine: FakeEngine) -> None:
    """Even if it contains a command."""
    marker = write(Marker(identity="issue-comment-7-0-0", command="run", stage=Stage.FINISHED))
    document = issue_comment(None) | {"comment": written(f"{RUN}\n\n{marker}", user=BOT), "sender": BOT}
    assert await commands(client, document) == []
    assert engine.asked == 0


async def test_forged_marker_hides_no_command(client: Client, engine: FakeEngine) -> None:
    """A marker counts only in comments of bots."""
    marker = write(Marker(identity="issue-comment-7-0-0", command="run", stage=Stage.FINISHED))
    assert len(await commands(client, issue_comment(f"{RUN}\n\n{marker}"))) == 1


# Labels


def labelled(name: str, action: str = "labeled", *, at: str = "11:59:00") -> dict[str, Any]:
    thread = PULL_REQUEST | {"updated_at": f"2026-01-01T{at}Z"}
    return payload(action, pull_request=thread, label={"name": name, "color": "5319e7"})


@pytest.mark.parametrize("name", ["codegen:run", "Codegen:Run"])
async def test_label_gives_command_of_sender(client: Client, engine: FakeEngine, name: str) -> None:
    response = await deliver(client, labelled(name) | {"sender": MALLORY}, "pull_request", guid="guid-1")
    (invocation,) = engine.taken
    assert (await response.json())["commands"] == [invocation.identity]
    assert isinstance(invocation.command, Run)
    assert invocation.person.login == "mallory"
    assert (invocation.comment, invocation.require_thread().number) == (None, 1)
    assert invocation.label == LabelChange(role=LabelRole.RUN, name=name, on=True)


async def test_label_on_issue_gives_command(client: Client, engine: FakeEngine) -> None:
    document = labelled("codegen:run") | {"issue": ISSUE | {"updated_at": "2026-01-01T11:59:00Z"}}
    await deliver(client, document, "issues")
    assert [invocation.require_thread().number for invocation in engine.taken] == [2]


async def test_redelivered_label_is_same_command(client: Client, engine: FakeEngine) -> None:
    for _ in range(2):
        assert (await deliver(client, labelled("codegen:run"), "pull_request")).status == 202
    assert len(engine.taken) == 1


async def test_label_delivery_with_other_guids_is_one_command(client: Client, engine: FakeEngine) -> None:
    """The GUID is not signed: a delivery's body and signature can be sent with any."""
    for guid in ("guid-1", "guid-2", "guid-3"):
        assert (await deliver(client, labelled("codegen:run"), "pull_request", guid=guid)).status == 202
    assert len(engine.taken) == 1


async def test_label_sent_by_two_hooks_is_one_command(client: Client, engine: FakeEngine) -> None:
    for number, guid in ((1, "guid-1"), (2, "guid-2")):
        document = labelled("codegen:run") | {"installation": {"id": number}}
        assert (await deliver(client, document, "pull_request", guid=guid)).status == 202
    assert len(engine.taken) == 1


async def test_label_added_again_is_another_command(client: Client, engine: FakeEngine) -> None:
    for at in ("11:58:00", "11:58:01"):
        await deliver(client, labelled("codegen:run", at=at), "pull_request")
    assert len(engine.taken) == 2


async def test_label_identity_distinguishes_threads_and_labels(client: Client, engine: FakeEngine) -> None:
    other_thread = labelled("codegen:run")
    other_thread["pull_request"] |= {"number": 3}
    other_repository = labelled("codegen:run") | {"repository": {"full_name": "octo/docs", "private": False}}
    for document in (labelled("codegen:run"), labelled("codegen:multi-run"), other_thread, other_repository):
        await deliver(client, document, "pull_request")
    assert len(engine.taken) == 4


async def test_label_without_a_time_is_refused(client: Client, engine: FakeEngine) -> None:
    """Nothing else distinguishes it from the next time that the label is added."""
    document = payload("labeled", pull_request=PULL_REQUEST, label={"name": "codegen:run"})
    response = await deliver(client, document, "pull_request")
    assert (response.status, (await response.json())["detail"]) == snapshot(
        (400, "The payload of pull_request is invalid: thread.updated_at (Field required)")
    )
    assert engine.asked == 0


async def test_state_label_is_command_when_added_and_removed(client: Client, engine: FakeEngine) -> None:
    await deliver(client, labelled("codegen:ban-checks"), "pull_request", guid="guid-1")
    await deliver(client, labelled("codegen:ban-checks", "unlabeled"), "pull_request", guid="guid-2")
    assert [type(invocation.command) for invocation in engine.taken] == [BanChecks, UnbanChecks]


@pytest.mark.parametrize(("name", "action"), [("bug", "labeled"), ("codegen:run", "unlabeled")])
async def test_other_and_removed_labels_give_no_command(
    client: Client, engine: FakeEngine, name: str, action: str
) -> None:
    assert await commands(client, labelled(name, action), "pull_request") == []
    assert engine.asked == 0


# Edits


@pytest.mark.parametrize(
    ("before", "after", "prompts"),
    [
        ("Hello.", f"Hello.\n{RUN}", ["fix it"]),
        (RUN, f"Please:\n\n{RUN}", []),
        (RUN, "/codegen   run fix  it", []),
        (RUN, "/codegen run fix that", ["fix that"]),
        (RUN, f"{RUN}\n{RUN}", ["fix it"]),
        (f"{RUN}\n{RUN}", RUN, []),
        ("/codegen run two", "/codegen run one\n/codegen run two", ["one"]),
        (f"> {RUN}", RUN, ["fix it"]),
        (RUN, "Never mind.", []),
    ],
)
async def test_edit_gives_only_new_commands(
    client: Client, engine: FakeEngine, before: str, after: str, prompts: list[str]
) -> None:
    await commands(client, edited(before, after))
    assert engine.prompts == prompts


async def test_edit_by_other_person_gives_no_command(client: Client, engine: FakeEngine) -> None:
    """A person who may edit comments could otherwise command as someone with more permissions."""
    assert await commands(client, edited("Hello.", RUN, sender=MALLORY)) == []
    assert engine.asked == 0


async def test_edit_without_text_change_gives_no_command(client: Client, engine: FakeEngine) -> None:
    assert await commands(client, issue_comment(RUN, "edited", changes={})) == []
    assert engine.asked == 0


async def test_edited_review_gives_new_commands(client: Client, engine: FakeEngine) -> None:
    changes = {"body": {"from": "Looks good."}}
    document = payload("edited", pull_request=PULL_REQUEST, review=written(RUN), changes=changes)
    await commands(client, document, "pull_request_review")
    assert engine.prompts == ["fix it"]


# Identities


async def test_repeated_delivery_is_same_command(client: Client, engine: FakeEngine) -> None:
    """Both are answered alike."""
    first = await commands(client, issue_comment(RUN))
    assert await commands(client, issue_comment(RUN)) == first
    assert engine.identities == first


@pytest.mark.parametrize(("at", "count"), [("2025-12-18T12:00:00Z", 1), ("2025-12-18T11:59:59Z", 0)])
async def test_old_event_gives_no_command(client: Client, engine: FakeEngine, at: str, count: int) -> None:
    """How long executed commands are remembered is limited, and a copy may arrive at any time."""
    document = issue_comment(RUN) | {"comment": written(RUN, updated_at=at)}
    assert len(await commands(client, document)) == count
    label = labelled("codegen:run")
    label["pull_request"] |= {"updated_at": at}
    assert len(await commands(client, label, "pull_request")) == count


async def test_old_line_comment_of_new_review_gives_command(client: Client, engine: FakeEngine) -> None:
    """It carries the time at which it was written, but is delivered when the review is submitted."""
    thread = PULL_REQUEST | {"updated_at": "2026-01-01T11:59:00Z"}
    comment = written(RUN, **ON_A_LINE, updated_at="2025-12-01T12:00:00Z")
    document = payload("created", pull_request=thread, comment=comment)
    assert len(await commands(client, document, "pull_request_review_comment")) == 1
    assert len(engine.taken) == 1


async def test_comment_under_two_guids_is_same_command(client: Client, engine: FakeEngine) -> None:
    """An App and a repository's webhook both deliver it."""
    for guid in ("guid-1", "guid-2"):
        assert (await deliver(client, issue_comment(RUN), guid=guid)).status == 202
    assert len(engine.taken) == 1


async def test_commands_of_one_comment_are_distinguished(client: Client, engine: FakeEngine) -> None:
    identities = await commands(client, issue_comment(f"{RUN}\n{RUN}\n/codegen help"))
    assert len({*identities}) == 3
    assert engine.identities == identities
    assert [type(invocation.command) for invocation in engine.taken][2] is Help


async def test_same_text_in_other_comment_is_other_command(client: Client, engine: FakeEngine) -> None:
    await commands(client, issue_comment(RUN))
    await commands(client, issue_comment(RUN) | {"comment": written(RUN, id=8)})
    assert len({*engine.identities}) == 2


async def test_same_id_of_other_comment_kind_is_other_command(client: Client, engine: FakeEngine) -> None:
    """GitHub numbers each kind of comment separately."""
    await commands(client, payload("created", issue=ISSUE, comment=written(RUN)))
    await commands(client, payload("submitted", pull_request=PULL_REQUEST, review=written(RUN)), "pull_request_review")
    assert len({*engine.identities}) == 2


async def test_unchanged_text_keeps_identity_over_edit(client: Client, engine: FakeEngine) -> None:
    """Also if an edit inserted text before it."""
    await commands(client, issue_comment("/codegen run two"))
    await commands(client, edited("/codegen run two", "/codegen run one\n/codegen run two"))
    await commands(client, issue_comment("/codegen run two"))
    assert engine.prompts == ["two", "one"]


async def test_identity_is_short_and_plain(client: Client, engine: FakeEngine) -> None:
    """It becomes a key in the database and part of a marker."""
    (identity,) = await commands(client, issue_comment("/codegen run " + 60_000 * "é\x00"))
    assert len(identity) <= 120
    assert identity.isascii()
    assert identity.replace("-", "").isalnum()


async def test_command_of_bot_is_accepted(client: Client, engine: FakeEngine) -> None:
    """It is refused when it is executed."""
    document = issue_comment(None) | {"comment": written(RUN, user=BOT), "sender": BOT}
    await commands(client, document)
    assert engine.taken[0].person == Person("codegen-bot[bot]", is_bot=True)


async def test_comment_of_deleted_account_gives_command(client: Client, engine: FakeEngine) -> None:
    """GitHub sends null for a deleted account."""
    document = issue_comment(None) | {"comment": written(RUN, user=None), "sender": ALICE}
    await commands(client, document)
    assert engine.taken[0].person.login == "ghost"
