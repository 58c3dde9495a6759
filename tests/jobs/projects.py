"""A small project on disk, as a user would have it: a lively market, its config, and quick model settings."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from abm_scoring import cli
from abm_scoring.data.market.market import make_market, write_market
from abm_scoring.data.market.spec import MarketSpec
from abm_scoring.jobs.init import write_template

#: Small and fast, but with enough conversions for a probability.
MARKET = MarketSpec(accounts=500, seed=3, conversion=0.1, events_per_account=40)
QUICK = (
    "model.boosting.bags=2",
    "model.boosting.trees=40",
    "model.bootstrap=100",
    "model.ridge=[0.01, 0.1]",
    "tracking.kind=none",
)


def make_project(folder: Path) -> Path:
    """Writes the market and its config; returns the config's path."""
    write_market(make_market(MARKET), folder / "data")
    return write_template("demo", folder / "abm.yaml", "small")


def run(*args: str | Path) -> tuple[int, str, str]:
    """The command line in this process: exit code, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    before = sys.argv
    sys.argv = ["abm-scoring", *map(str, args)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            cli.main()
    except SystemExit as done:
        return int(done.code or 0), out.getvalue(), err.getvalue()
    finally:
        sys.argv = before
    raise AssertionError("main returned")


def run_json(*args: str | Path) -> dict[str, Any]:
    """The object that a command prints with --json."""
    code, out, err = run(*args, "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def quick(overrides: Sequence[str] = ()) -> list[str]:
    """`--set` arguments for quick training and whatever else is asked for."""
    return [part for override in (*QUICK, *overrides) for part in ("--set", override)]
