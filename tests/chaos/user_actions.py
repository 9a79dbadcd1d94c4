"""What users do, by comments and labels, and the expected outcome of each command."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.emulators.github import Comment, GitHubEmulator
from bot.emulators.github.webhooks import Delivery
from bot.execution.dispatch import label_identity
from bot.github.events import LabelChanged, parse
from bot.text.markers import Stage


@dataclass(frozen=True, slots=True)
class Outcome:
    """The expected outcome of one command.

    :param command: its name in the reply's marker
    :param text: a regular expression, searched in the final reply
    :param runs: agent runs that it starts
    :param resumes: the run that it resumes
    """

    command: str
    text: str
    stage: Stage = Stage.FINISHED
    runs: int = 0
    resumes: int | None = None


@dataclass(slots=True)
class UserAction:
    """A comment or a label.

    :param edited: the text to which the comment is then edited
    :param label: added instead of a comment
    """

    login: str
    text: str
    outcomes: tuple[Outcome, ...]
    number: int = 1
    edited: str | None = None
    on_a_line: bool = False
    label: str | None = None
    comment: Comment | None = None
    delivery: Delivery | None = None

    def __str__(self) -> str:
        return f"{self.login} on #{self.number}: {self.label or self.edited or self.text}"

    def perform(self, github: GitHubEmulator) -> None:
        known = len(github.deliveries)
        if self.label is not None:
            github.label(self.login, self.number, self.label)
        elif self.on_a_line:
            self.comment = github.review_comment(self.login, self.number, self.text)
        else:
            self.comment = github.comment(self.login, self.number, self.text)
        self.delivery = github.deliveries[known]
        if self.edited is not None and self.comment is not None:
            github.edit(self.comment, self.edited)

    def has_identity(self, identity: str) -> bool:
        """Whether a command of that identity belongs to this action."""
        if self.comment is not None:
            return f"-{self.comment.id}-" in identity
        event = parse(self.delivery.event, self.delivery.payload) if self.delivery is not None else None
        return isinstance(event, LabelChanged) and identity == label_identity(event)


def _run(login: str, text: str, *, number: int = 1, on_a_line: bool = False) -> UserAction:
    outcome = Outcome("run", r"^Finished in .*I made the change", runs=1)
    return UserAction(login, f"/codegen run {text}", (outcome,), number=number, on_a_line=on_a_line)


def _shows(login: str, text: str, reply: str, number: int = 1) -> UserAction:
    return UserAction(login, f"/codegen {text}", (Outcome(text.split(maxsplit=1)[0], reply),), number=number)


def _refused(login: str, text: str, command: str, reply: str) -> UserAction:
    return UserAction(login, f"/codegen {text}", (Outcome(command, reply, Stage.REFUSED),))


def _labels(login: str, label: str, number: int, outcome: Outcome) -> UserAction:
    return UserAction(login, "", (outcome,), number=number, label=label)


MAY_NOT = "access for this"


def first_day() -> Iterator[UserAction]:
    """Runs 1 and 2 exist already, on pull request 1. No action undoes another of the same day."""
    yield _run("bob", "fix the flaky test")
    yield _run("alice", "show the tax in the cart", number=2)
    yield _run("bob", "explain this line", on_a_line=True)
    yield UserAction("bob", "/codegen resume 2 add a test", (Outcome("resume", "^Finished in .*run 2", resumes=2),))
    yield UserAction(
        "alice",
        "/codegen multi-run -n 2 speed up the cart",
        (Outcome("multi-run", "(?i)synthesis|combined", runs=3),),
        number=2,
    )
    yield _shows("bob", "status 1", "(?i)run 1")
    yield _shows("alice", "runs", "codegen.com/agent/trace/1")
    yield _shows("bob", "logs 1", "(?i)run 1")
    yield _shows("bob", "whoami", "`bob`")
    yield _shows("carol", "help", "/codegen run")
    yield _shows("bob", "help multi-run", "--synthesis-prompt")
    yield _shows("bob", "star 1", r"^Starred \[?run 1")
    yield _shows("bob", "ban-checks 1", "Codegen no longer reacts to the checks")
    yield _refused("bob", "rum fix it", "run", "/codegen run")
    yield _refused("dave", "run give me everything", "run", MAY_NOT)
    yield _refused("carol", "multi-run everything", "multi-run", MAY_NOT)
    yield _labels("bob", "codegen:run", 2, Outcome("run", "^Finished in", runs=1))
    yield _labels("carol", "codegen:multi-run", 1, Outcome("multi-run", MAY_NOT, Stage.REFUSED))
    yield UserAction(
        "bob",
        "/codegen status 1",
        (Outcome("status", "(?i)run 1"), Outcome("run", "^Finished in", runs=1)),
        edited="/codegen status 1\n/codegen run polish it",
    )
    yield UserAction(
        "bob", "/codegen whoami\n/codegen help run", (Outcome("whoami", "`bob`"), Outcome("help", "--model"))
    )
    yield UserAction("carol", "Looks good to me; does it run?", ())


def second_day() -> Iterator[UserAction]:
    """Undoes what the first day did."""
    yield _shows("bob", "unban-checks 1", "Codegen reacts to the checks .* again")
    yield _shows("bob", "unstar 1", "^Removed the star from run 1")
    yield _labels("bob", "codegen:multi-run", 1, Outcome("multi-run", "(?i)synthesis|combined", runs=4))
    yield _run("alice", "write the changelog")
    yield _refused("dave", "remove 1", "remove", MAY_NOT)


def third_day() -> Iterator[UserAction]:
    yield _shows("bob", "remove 1", "Removed Codegen from")
    yield _shows("bob", "starred", "No run is starred yet", number=2)
    yield _run("bob", "one more thing")


DAYS = (first_day, second_day, third_day)
