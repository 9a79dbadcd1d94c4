"""The agent's prompts: the context, the task, and the parts that must not be obeyed.

Outside of material (`bot.replies.material`) there are only the bot's own words, GitHub's numbers and addresses, and the
text and the login of a user who may give the command. Titles, branches, files, labels and other logins are untrusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.codegen.models import AgentRun
from bot.commands.comment_parser import split_first_line
from bot.github.models import Comment, PullRequest, Thread
from bot.replies.material import Material, assemble, quoted

NAME_LIMIT = 1_000
BODY_LIMIT = 8_000
HUNK_LIMIT = 4_000
CANDIDATES_LIMIT = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptContext:
    """The context of a command.

    :param thread: None if there is none
    :param repository: ``owner/name``; None if there is none
    :param comment: None if the command was not given in a comment
    :param label: the label that was added instead
    :param prompt_name: the repository's named prompt, if its user is not trusted with a prompt of their own
    :param pull_request: from GitHub; None on an issue
    """

    thread: Thread | None
    repository: str | None
    comment: Comment | None
    label: str | None
    login: str
    prompt_name: str | None
    pull_request: PullRequest | None

    @property
    def asker(self) -> str:
        """Whose request the agent is to follow."""
        return f"this repository's prompt {self.prompt_name}" if self.prompt_name else self.login


@dataclass(frozen=True, slots=True)
class Candidate:
    """A successful attempt of a multi-run."""

    number: int
    run: AgentRun


def image_addresses(images: Sequence[str]) -> list[str]:
    """The images that are addresses. Upstream accepts only image data; addresses become part of the prompt."""
    return [image for image in images if not image.lower().startswith("data:")]


def run_prompt(words: str, place: PromptContext, *, image_addresses: Sequence[str] = ()) -> str:
    """The prompt of a new run.

    :param image_addresses: of images that the agent should look at
    """
    images = "\n".join(("Look at these images too:", *image_addresses)) if image_addresses else ""
    if place.thread is None and place.repository is None:
        # Without any context, the user's text is the whole prompt.
        return assemble((words, images))
    return assemble((_where(place), f"What {place.asker} asks for:\n\n{words}", images, _about(place)))


def synthesis_prompt(words: str, place: PromptContext, candidates: Sequence[Candidate], *, custom: str | None) -> str:
    """The prompt of the synthesis of several attempts.

    :param custom: replaces the default task; the problem and the candidates are included all the same
    """
    task = custom or (
        "Compare the candidates, take what is right in each, and do what was asked for in one go: one branch, one pull "
        "request. Say at the end which candidate each part comes from, and what you left out and why."
    )
    limit = CANDIDATES_LIMIT // len(candidates)
    return assemble(
        (
            _where(place),
            f"{len(candidates)} agents have each tried what {place.asker} asks for:\n\n{words}",
            f"Your part:\n\n{task}",
            "Weigh what the candidates say.",
            *(_candidate(candidate, limit) for candidate in candidates),
            _about(place),
        )
    )


def _candidate(candidate: Candidate, limit: int) -> Material:
    run = candidate.run
    parts = (
        *(f"Pull request: {quoted(link.url, NAME_LIMIT)}" for link in run.github_pull_requests if link.url),
        f"Summary:\n{_shortened(run.summary, limit // 3)}" if run.summary else "",
        f"Result:\n{_shortened(run.result, limit - limit // 3)}" if run.result else "",
    )
    about = f"candidate {candidate.number}, as agent run {run.id} left it"
    return Material(about, "\n".join(part for part in parts if part))


def checks_prompt(place: PromptContext, checks: Sequence[tuple[str, str]]) -> str:
    """The prompt of the agent that explains failed checks.

    :param checks: each one's name, and the excerpt of its log
    """
    checks_failed = "1 check of this commit" if len(checks) == 1 else f"{len(checks)} checks of this commit"
    task = (
        f"{place.login} wants to know why {checks_failed} failed. Explain it. For each check, answer in Markdown "
        "with:\n\n"
        "- its name, as a heading;\n"
        "- the cause: what failed and why, with the file and line where that can be told, and how sure you are;\n"
        "- the proposed fix: what to change, with a short diff or command where it helps.\n\n"
        "Where several checks fail for one reason, say so once. Read the code to find out. Change nothing: push no "
        "commit, open no pull request, write no comment. Your answer is all that is asked for."
    )
    evidence = [
        Material(
            f"the name of check {number}, and the most telling part of its log",
            f"Name: {quoted(name, NAME_LIMIT)}\n{log}",
        )
        for number, (name, log) in enumerate(checks, 1)
    ]
    return assemble((_where(place), task, *evidence, _about(place)))


LOGS_LIMIT = 60_000


def logs_prompt(logs: str, *, context: str) -> str:
    """The prompt of the agent that explains logs that a user sent.

    :param logs: redacted; of very long ones the end is kept
    :param context: the sender's description
    """
    kept = logs if len(logs) <= LOGS_LIMIT else f"[cut]\n{logs[-LOGS_LIMIT:]}"
    task = (
        "Explain why what wrote these logs failed. Answer in Markdown with the cause and how sure you are, the line "
        "that tells it, and the proposed fix with the commands to run. Change nothing: push no commit, open no pull "
        "request, write no comment. Your answer is all that is asked for."
    )
    about = f"What the sender says of them:\n\n{context}" if context.strip() else ""
    return assemble((task, about, Material("the logs", kept)))


def resume_prompt(words: str, place: PromptContext, *, identity: str) -> str:
    """The prompt of a follow-up.

    It contains the command's identity: a resume has no metadata, and after a crash the bot searches the log for it.
    """
    where = f"A follow-up by {place.login}"
    if place.thread is not None:
        url = place.comment.url if place.comment else place.thread.url
        where += f" on {place.thread.repository}#{place.thread.number} ({url})"
    return f"{where}, command {identity}:\n\n{words}"


def _where(place: PromptContext) -> str:
    thread, comment = place.thread, place.comment
    if thread is None:
        here = [f"You work on the GitHub repository {place.repository}."] if place.repository else []
        return "\n".join((*here, f"You were asked by {place.login}."))
    kind = "pull request" if thread.is_pull_request else "issue"
    lines = [f"You work on the GitHub {kind} {thread.repository}#{thread.number}: {thread.url}"]
    if place.pull_request is not None:
        lines.append(f"Its head is the commit {place.pull_request.head_sha[:12]}; its branches are named below.")
        lines.append("Work on its own branch where the request is about this pull request's changes.")
    if place.prompt_name:
        lines.append(f"You were asked by {place.asker}. Do what it says and nothing else.")
    elif comment is not None:
        lines.append(f"You were asked by {place.login} in this comment: {comment.url}")
    else:
        lines.append(f"You were asked by {place.login}{' by a label' if place.label else ''}.")
    if comment is not None and comment.path:
        lines.append("The comment is on a file that is named below.")
    return "\n".join(lines)


def _about(place: PromptContext) -> Material | None:
    """The thread's untrusted texts and names."""
    thread, comment = place.thread, place.comment
    if thread is None:
        return None
    parts = ["\n".join(_names(thread, place))]
    if thread.body.strip():
        parts.append(f"Description:\n{_shortened(thread.body, BODY_LIMIT)}")
    if comment is not None and comment.diff_hunk:
        parts.append(f"The diff under the comment:\n{_shortened(comment.diff_hunk, HUNK_LIMIT)}")
    if comment is not None and comment.author.is_bot and (below := split_first_line(comment.body)[1].strip()):
        parts.append(f"The rest of the comment:\n{_shortened(below, BODY_LIMIT)}")
    return Material("what the work is about, as others wrote it", "\n\n".join(parts))


def _names(thread: Thread, place: PromptContext) -> Iterator[str]:
    """One line each."""

    def line(what: str, name: str) -> str:
        return f"{what}: {quoted(name, NAME_LIMIT)}"

    yield line("Title", thread.title)
    yield line("Opened by", thread.author)
    if place.pull_request is not None:
        yield line("Branch", place.pull_request.head_branch)
        yield line("To be merged into", place.pull_request.base_branch)
        fork = place.pull_request.head_repository
        if fork is not None and fork != thread.repository:
            yield line("The branch is in the fork", fork)
    if place.prompt_name:
        yield line("The prompt was used by", place.login)
    if place.label:
        yield line("Label", place.label)
    if place.comment is not None and place.comment.path:
        number = f", line {place.comment.line}" if place.comment.line else ""
        yield line("The comment is on the file", place.comment.path) + number


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}\n[cut; the page has the rest]"
