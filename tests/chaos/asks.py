"""What people ask for, in all the ways there are, and what has to come of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.dispatch import label_identity
from bot.emulator.github import Comment, GitHubEmulator
from bot.emulator.github.webhooks import Delivery
from bot.github.events import LabelChanged, parse
from bot.replies.markers import Stage


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one command must come to.

    :param command: its name in the reply's marker
    :param says: a regular expression, searched in the reply as it stands at last
    :param runs: agent runs that it starts
    :param resumes: the run that it gives a follow-up
    """

    command: str
    says: str
    stage: Stage = Stage.FINISHED
    runs: int = 0
    resumes: int | None = None


@dataclass(slots=True)
class Ask:
    """What somebody does, by words or by a label.

    :param edited: the text that the comment gets afterwards
    :param label: instead of a text
    :param comes_off: whether the bot takes the label off when it is done
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

    def does(self, github: GitHubEmulator) -> None:
        """It is done, once."""
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

    def is_named_by(self, identity: str) -> bool:
        """Whether a command's identity is one of this."""
        if self.comment is not None:
            return f"-{self.comment.id}-" in identity
        event = parse(self.delivery.event, self.delivery.payload) if self.delivery is not None else None
        return isinstance(event, LabelChanged) and identity == label_identity(event)


def _run(login: str, text: str, **more: object) -> Ask:
    return Ask(login, f"/codegen run {text}", (Outcome("run", r"^Finished in .*I made the change", runs=1),), **more)  # type: ignore[arg-type]  # those of Ask


def _shows(login: str, text: str, says: str, number: int = 1) -> Ask:
    return Ask(login, f"/codegen {text}", (Outcome(text.split(maxsplit=1)[0], says),), number=number)


def _refused(login: str, text: str, command: str, says: str) -> Ask:
    return Ask(login, f"/codegen {text}", (Outcome(command, says, Stage.REFUSED),))


def _labels(login: str, label: str, number: int, outcome: Outcome) -> Ask:
    return Ask(login, "", (outcome,), number=number, label=label)


MAY_NOT = "may not do this here"


def first_day() -> Iterator[Ask]:
    """Runs 1 and 2 are there already, on pull request 1. What stops one may not meet what lets it go on."""
    yield _run("bob", "fix the flaky test")
    yield _run("alice", "show the tax in the cart", number=2)
    yield _run("bob", "explain this line", on_a_line=True)
    yield Ask("bob", "/codegen resume 2 add a test", (Outcome("resume", "^Finished in .*run 2", resumes=2),))
    yield Ask(
        "alice",
        "/codegen multi-run -n 2 speed up the cart",
        (Outcome("multi-run", "(?i)synthesis|best of", runs=3),),
        number=2,
    )
    yield _shows("bob", "status 1", "(?i)run 1")
    yield _shows("alice", "runs", "codegen.com/agent/trace/1")
    yield _shows("bob", "logs 1", "(?i)run 1")
    yield _shows("bob", "whoami", "`bob`")
    yield _shows("carol", "help", "/codegen run")
    yield _shows("bob", "help multi-run", "--synthesis-prompt")
    yield _shows("bob", "star 1", r"^Starred \[?run 1")
    yield _shows("bob", "ban-checks 1", "Codegen reacts no longer to the checks")
    yield _refused("bob", "rum fix it", "run", "/codegen run")
    yield _refused("dave", "run give me everything", "run", MAY_NOT)
    yield _refused("carol", "multi-run everything", "multi-run", MAY_NOT)
    yield _labels("bob", "codegen:run", 2, Outcome("run", "^Finished in", runs=1))
    yield _labels("carol", "codegen:multi-run", 1, Outcome("multi-run", MAY_NOT, Stage.REFUSED))
    yield Ask(
        "bob",
        "/codegen status 1",
        (Outcome("status", "(?i)run 1"), Outcome("run", "^Finished in", runs=1)),
        edited="/codegen status 1\n/codegen run polish it",
    )
    yield Ask("bob", "/codegen whoami\n/codegen help run", (Outcome("whoami", "`bob`"), Outcome("help", "--model")))
    yield Ask("carol", "Looks good to me; does it run?", ())


def second_day() -> Iterator[Ask]:
    """Takes back what the first did."""
    yield _shows("bob", "unban-checks 1", "Codegen reacts to the checks .* again")
    yield _shows("bob", "unstar 1", "^Took the star off run 1")
    yield _labels("bob", "codegen:multi-run", 1, Outcome("multi-run", "(?i)synthesis|best of", runs=4))
    yield _run("alice", "write the changelog")
    yield _refused("dave", "remove 1", "remove", MAY_NOT)


def third_day() -> Iterator[Ask]:
    yield _shows("bob", "remove 1", "Codegen is off")
    yield _shows("bob", "starred", "No run is starred yet", number=2)
    yield _run("bob", "one more thing")


DAYS = (first_day, second_day, third_day)
