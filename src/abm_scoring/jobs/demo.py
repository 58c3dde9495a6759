"""Demo: a fictional market, a model and a list, all written as a user would have them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from abm_scoring.data.market.machine_builder import make_machine_builder
from abm_scoring.data.market.market import make_market, write_market
from abm_scoring.data.market.spec import MarketSpec
from abm_scoring.errors import MissingInputError, OutputError, UsageError
from abm_scoring.jobs.init import FILE_NAME, write_template
from abm_scoring.jobs.score import Scored, score
from abm_scoring.jobs.train import Trained, train
from abm_scoring.jobs.workspace import Progress, open_workspace

_TEMPLATES = {"market": "demo", "machine-builder": "machine_builder"}


@dataclass(frozen=True)
class Demo:
    """What the demo left behind."""

    config: Path
    trained: Trained
    scored: Scored


def demo(out: Path, scenario: str, accounts: int, seed: int, now: datetime, progress: Progress) -> Demo:
    """Write a market's tables and a config, train on them, and publish the first run.

    Args:
        out: Folder to write to; a demo that stands there already is used again when its tables are the same.
        scenario: `market` or `machine-builder`.
        accounts, seed: Of the market.
        now: The clock.
        progress: Told of each step.

    Raises:
        UsageError: No such scenario.
        OutputError: `out` holds something else.
        MissingInputError: Too few of the market's accounts convert for a model (66).
    """
    if scenario not in _TEMPLATES:
        raise UsageError(f"no scenario {scenario!r}", where="--scenario", fix=f"one of {', '.join(_TEMPLATES)}")
    config = out / FILE_NAME
    if out.exists() and any(out.iterdir()) and not config.exists():
        raise OutputError("is not empty and holds no demo", where=str(out), fix="choose another folder with --out")
    progress("making a market", 0, 0)
    market = (
        make_market(MarketSpec(accounts=accounts, seed=seed)) if scenario == "market" else make_machine_builder(seed)
    )
    write_market(market, out / "data")
    if not config.exists():
        write_template(_TEMPLATES[scenario], config, _TEMPLATES[scenario].replace("_", "-"))
    workspace = open_workspace(config)
    as_of = workspace.moment(workspace.fixed_day or now.date().isoformat())
    trained = train(workspace, as_of, False, progress)
    if trained.bundle is None:
        raise MissingInputError(
            f"so small a market teaches no model: {trained.outcome.reason}",
            where=str(config),
            fix="give it more accounts with --accounts, or another --seed",
        )
    return Demo(config, trained, score(workspace, as_of, now, False, progress))
