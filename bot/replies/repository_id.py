"""Replies to an invocation that may not use the repository of ``--repo-id``.

No text says whether there is such a repository: a reader here may not know.
"""

from __future__ import annotations


def not_allowed(repo_id: int, *, login: str, command: str) -> str:
    return (
        f"`--repo-id {repo_id}` names no repository that is known to let `{login}` give `{command}` there. It takes "
        "`write` access in that repository, or more where its config file says so. Nothing was started.\n\n"
        "Next: give the command in that repository; without `--repo-id`, the agent works on this one."
    )


def not_from_public(repo_id: int) -> str:
    return (
        f"`--repo-id {repo_id}` does not name this repository, and anybody could read here what an agent finds in "
        "another one. Nothing was started.\n\n"
        "Next: give the command in that repository; without `--repo-id`, the agent works on this one."
    )


def no_follow_up(run_id: int, *, login: str, command: str) -> str:
    return (
        f"Run {run_id} works in another repository, and `{login}` is not known to be allowed to give `{command}` there "
        "and have the answer shown here. Nothing was sent.\n\n"
        "Next: give the command in that repository. It takes `write` access there, or more where its config says so."
    )
