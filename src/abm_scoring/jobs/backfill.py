"""Backfill: the nights of a range as they would have been, each beside the ledger and never in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from abm_scoring.data.loading import Loaded
from abm_scoring.errors import UsageError
from abm_scoring.features.moments import instant
from abm_scoring.jobs.champion import champion, then_model
from abm_scoring.jobs.delivery import Delivery, delivered
from abm_scoring.jobs.ledger import Link, chain
from abm_scoring.jobs.publishing import name_of, output_folder, publish
from abm_scoring.jobs.score import Flags, prepare
from abm_scoring.jobs.workspace import Progress, Workspace, silent
from abm_scoring.learning.bundle import Bundle
from abm_scoring.publish.runs import read_manifest, verify


@dataclass(frozen=True)
class Backfilled:
    """What a backfill came to.

    Attributes:
        runs: Folder of each night, in order.
        computed: How many of them were computed now; the others stood already.
    """

    runs: tuple[Path, ...]
    computed: int
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The object that `backfill --json` prints; documented in docs/reference/json.md."""
        return {
            "runs": [str(run) for run in self.runs],
            "n_computed": self.computed,
            "n_kept": len(self.runs) - self.computed,
            "warnings": list(self.warnings),
        }


def nights_between(workspace: Workspace, first: str, last: str, every: int) -> list[pd.Timestamp]:
    """The midnights of the project's zone from a day to a day, both included.

    Raises:
        UsageError: The range is empty or ends where no day can be (64).
    """
    zone = workspace.config.project.timezone
    begin, end = (instant(day, zone) for day in (first, last))
    if end < begin:
        raise UsageError(f"{last} lies before {first}", where="--to", fix="give the earlier day as --from")
    days = pd.date_range(begin.tz_convert(zone), end.tz_convert(zone), freq=pd.DateOffset(days=every))
    return [day.tz_convert("UTC").as_unit("us") for day in days]


def backfill(
    workspace: Workspace, nights: Sequence[pd.Timestamp], now: datetime, progress: Progress = silent
) -> Backfilled:
    """Score past nights in order, each going on from the one before as nightly runs do.

    Tables are read once. A night that stands already, complete and unaltered, is kept: a backfill that was killed goes
    on where it stopped. All nights are retrospective: `latest` and the ledger stay as they are. Where the ledger has a
    run between two nights, the later one goes on from that.

    Args:
        workspace: Config and folders.
        nights: Moments, ascending.
        now: The clock, for manifests only.
        progress: Told of each step.

    Raises:
        BusyError: Another run holds the folder (75); start again, and it goes on.
        AbmError: As `score`.
    """
    bundle, links = champion(workspace), list[Link]()
    progress("reading tables", 0, 0)
    told: dict[str, None] = {}
    computed = 0
    with delivered(workspace, nights[-1], False) as delivery:
        for done, night in enumerate(nights):
            progress("scoring nights", done, len(nights))
            with output_folder(workspace):
                before = _before(chain(workspace.runs, night), links)
                folder = _standing(workspace, delivery.loaded, bundle, before, night)
                if folder is None:
                    seen = replace(delivery, loaded=_as_of(delivery.loaded, delivery, night))
                    draft = prepare(workspace, seen, bundle, before, True, night, now, Flags())
                    folder = publish(draft)
                    told |= dict.fromkeys(draft.warnings)
                    computed += 1
            links.append(Link(folder, read_manifest(folder)))
    return Backfilled(tuple(link.folder for link in links), computed, tuple(told))


def _before(ledger: Sequence[Link], own: Sequence[Link]) -> list[Link]:
    """What a night goes on from: the ledger up to its last run, then the nights of the backfill after it."""
    return [*ledger, *(link for link in own if not ledger or link.as_of > ledger[-1].as_of)]


def _standing(
    workspace: Workspace, loaded: Loaded, bundle: Bundle, before: Sequence[Link], night: pd.Timestamp
) -> Path | None:
    """The run of a night where it stands already as it would be computed."""
    model, _ = then_model(workspace, bundle, before)
    predecessor = before[-1].manifest.run_id if before else None
    folder = workspace.runs / name_of(workspace, loaded, model.version, predecessor, True, night)
    return folder if folder.is_dir() and not verify(folder) else None


def _as_of(loaded: Loaded, delivery: Delivery, night: pd.Timestamp) -> Loaded:
    """With the count of future events as that night would have reported it."""
    if "events" not in loaded.reports:
        return loaded
    spilled = delivery.spill is not None and delivery.spill.n > 0
    held = delivery.tables["events"]["occurred_at"]
    future = delivery.spill.count_from(night) if spilled and delivery.spill else int((held >= night).sum())
    reports = {**loaded.reports, "events": replace(loaded.reports["events"], future=future)}
    return replace(loaded, reports=reports)
