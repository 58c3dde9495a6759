"""What a command says beside its result: lines of text for people, or one JSON object a line for collectors."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from typing import Any, Literal

#: Environment variable through which a command's log format reaches everything that it starts.
FORMAT = "ABM_SCORING_LOG_FORMAT"
Level = Literal["info", "warning", "error"]


def as_json() -> bool:
    """Whether lines are JSON."""
    return os.environ.get(FORMAT) == "json"


def say(level: Level, message: str, **more: Any) -> None:
    """One line on standard error; what is merely informative is silent unless lines are JSON.

    Args:
        level: How grave it is.
        message: What happened: never rows, addresses or secrets.
        more: Further keys of the JSON object.
    """
    if as_json():
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "level": level,
            "message": message,
            **more,
        }
        print(json.dumps(line, ensure_ascii=False), file=sys.stderr, flush=True)
    elif level != "info":
        print(f"abm-scoring: {'warning: ' if level == 'warning' else ''}{message}", file=sys.stderr, flush=True)
