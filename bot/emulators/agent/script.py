"""What the agent is to do: a list of steps, as JSON in a fenced block of the prompt or in $AGENT_SCRIPT.

```json
{"steps": [{"think": "..."}, {"edit": "app.py", "replace": ["1", "2"]}, {"run": "make test"}, {"say": "Done."}]}
```

Each step is one object; its first key says what it is:

- `think`, `say`: text. The last `say` is the answer. `plan`: a list of texts
- `edit`: a path, with `text` (the whole file), `append`, or `replace` (old and new text); `delete`: a path
- `read`: a path; `run`: a shell command; `env`: true, the whole environment; `fetch`: a URL. What they give is the
  tool's output, and becomes part of the answer with `"say": true`
- `permission`: a title; asks whether it may, and ends the turn if not
- `model`: a prompt; asks the model at $OPENAI_BASE_URL with $OPENAI_API_KEY, and fails as the model's API does
- `tokens`: how many were read and written, for the turn's usage
- `remember`: text; `recall`: true, says what the session has been given to remember
- `repeat`: true, says its whole prompt
- `images`: true, says how many images the prompt had
- `sleep`: seconds; `silence`: true, until the turn is cancelled; `ignore_cancel`: true, from now on
- `flood`: bytes, with `as`: `line` (one without an end), `lines`, `updates` or `stderr`
- `update`: a raw session update; `raw`: a raw line of output; `stderr`: text
- `fail`: `{"code": 401, "message": "..."}`; `stop`: a stop reason; `exit`: an exit status
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

VARIABLE = "AGENT_SCRIPT"

_FENCE = re.compile(r"^(`{3,}|~{3,})json[^\n]*\n(.*?)^\1", re.DOTALL | re.MULTILINE)
_QUOTE = re.compile(r"^(?:> ?)+", re.MULTILINE)

Step = Mapping[str, Any]


def find_script(prompt: str, environment: Mapping[str, str]) -> list[Step] | None:
    """The steps; None if there is no script."""
    for text in (prompt, _QUOTE.sub("", prompt)):
        for match in _FENCE.finditer(text):
            if (steps := _steps(match[2])) is not None:
                return steps
    return _steps(environment.get(VARIABLE, ""))


def _steps(text: str) -> list[Step] | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    steps = document.get("steps") if isinstance(document, dict) else None
    return steps if isinstance(steps, list) else None
