"""Duration of `codegen-bot action` on a comment without a command, from the process's start to its exit.

Most runs of the Action are of this kind: a comment that was not meant for the bot. For comparison, the duration of an
empty Python process.

    make bench
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent

RUNS = 21

PAYLOAD = {
    "action": "created",
    "repository": {"full_name": "octo/shop", "private": True},
    "sender": {"login": "bob", "type": "User"},
    "issue": {
        "number": 1,
        "title": "Fix the checkout",
        "body": "The total was rounded twice.",
        "html_url": "https://github.com/octo/shop/pull/1",
        "user": {"login": "alice", "type": "User"},
    },
    "comment": {
        "id": 1,
        "body": "Looks good to me, apart from the names.",
        "html_url": "https://github.com/octo/shop/pull/1#issuecomment-1",
        "user": {"login": "bob", "type": "User"},
    },
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        event = Path(folder) / "event.json"
        event.write_text(json.dumps(PAYLOAD), encoding="utf-8")
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "issue_comment",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REPOSITORY": "octo/shop",
            "GITHUB_OUTPUT": str(Path(folder) / "output"),
            "GITHUB_STEP_SUMMARY": str(Path(folder) / "summary"),
        }
        bare = _times([sys.executable, "-c", "pass"], environ)
        action = _times([sys.executable, "-m", "bot", "action"], environ)
    print(f"Python alone        median {_shown(bare)}")
    print(f"codegen-bot action  median {_shown(action)}")
    print(f"{statistics.median(action) / statistics.median(bare):.1f} times Python alone")


def _times(command: list[str], environ: dict[str, str]) -> list[float]:
    """Seconds of each run, without the first one, which fills caches."""
    times = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        subprocess.run(command, env=environ, check=True, capture_output=True, timeout=60)  # noqa: S603 - constant arguments
        times.append(time.perf_counter() - began)
    return times[1:]


def _shown(times: list[float]) -> str:
    fastest, slowest = min(times), max(times)
    return f"{statistics.median(times):.3f} s   fastest {fastest:.3f} s   slowest {slowest:.3f} s   of {len(times)}"


if __name__ == "__main__":
    main()
