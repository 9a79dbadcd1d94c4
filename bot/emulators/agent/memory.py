"""The agent's sessions, as files in its HOME."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path

FOLDER = ".scripted-agent/sessions"


@dataclass(slots=True, kw_only=True)
class Session:
    """:param prompts: of all turns so far
    :param remembered: by the steps `remember`
    """

    session_id: str
    cwd: str
    mode: str = "ask"
    prompts: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    remembered: list[str] = field(default_factory=list)


class Memory:
    """:param home: the agent's HOME"""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER

    def create(self, cwd: str) -> Session:
        session = Session(session_id=uuid.uuid4().hex, cwd=cwd)
        self.save(session)
        return session

    def load(self, session_id: str) -> Session | None:
        path = self._path(session_id)
        return Session(**json.loads(path.read_text())) if path.exists() else None

    def save(self, session: Session) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._path(session.session_id).write_text(json.dumps(asdict(session)))

    def _path(self, session_id: str) -> Path:
        return self._folder / f"{Path(session_id).name}.json"
