"""The ledger: the chain of published runs, each naming its predecessor, and what they froze.

Retrospective runs, and runs that a later one of the same day replaced, keep their folders but are not on the chain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from abm_scoring.errors import MissingInputError
from abm_scoring.publish.manifest import Manifest
from abm_scoring.publish.runs import LATEST, read_manifest, resolve_pointer
from abm_scoring.ranking.mqa.log import joined

#: Files of a run that later runs read.
FROZEN, TRANSITIONS, ASSIGNMENTS = "scores.parquet", "mqa_transitions.parquet", "holdout.parquet"
#: The chain up to a run, in its folder: `run_id`, `as_of`, `predecessor`, `model_version`, `config_hash`.
CHAIN = "chain.parquet"
#: Accounts by feature and bin of the model's reference, for monitoring: `feature`, `bin`, `accounts`.
FEATURE_COUNTS = "feature_counts.parquet"
#: What pruning leaves: everything that a run knew and decided.
KEPT = frozenset({FROZEN, TRANSITIONS, ASSIGNMENTS, CHAIN, FEATURE_COUNTS})


@dataclass(frozen=True)
class Link:
    """One run of the chain.

    Attributes:
        folder: Where it lies.
        manifest: What it says of itself.
    """

    folder: Path
    manifest: Manifest

    @property
    def as_of(self) -> pd.Timestamp:
        """The night it stands on."""
        return pd.Timestamp(self.manifest.as_of).as_unit("us")


def chain(runs: Path, before: pd.Timestamp | None = None) -> list[Link]:
    """The runs of a project by predecessor from `latest` back, oldest first.

    Args:
        runs: Folder of the project's runs.
        before: Only runs that stand on an earlier moment; None: all.

    Raises:
        MissingInputError: A run of the chain is gone or cannot be read (66).
    """
    if not runs.is_dir():
        return []
    folder, links = resolve_pointer(runs, LATEST), list[Link]()
    while folder is not None:
        manifest = read_manifest(folder)
        links.append(Link(folder, manifest))
        folder = _predecessor(runs, manifest, links)
    return [link for link in reversed(links) if before is None or link.as_of < before]


def _predecessor(runs: Path, manifest: Manifest, seen: Sequence[Link]) -> Path | None:
    if manifest.predecessor is None:
        return None
    folder = runs / manifest.predecessor
    where = str(seen[-1].folder)
    if folder in {link.folder for link in seen}:
        raise MissingInputError("the chain of runs goes round in a circle", where=where, fix="restore the manifests")
    if not folder.is_dir():
        raise MissingInputError(
            f"its predecessor {manifest.predecessor} is gone, and with it what was decided",
            where=where,
            fix="restore it: frozen scores and decisions are never pruned",
        )
    return folder


def chain_table(links: Sequence[Link]) -> pd.DataFrame:
    """The runs of a chain as rows, oldest first."""
    rows = [
        (m.run_id, link.as_of, m.predecessor, m.model_version, m.config_hash)
        for link in links
        for m in (link.manifest,)
    ]
    names = ["run_id", "as_of", "predecessor", "model_version", "config_hash"]
    text = {name: "str" for name in names if name != "as_of"}
    return pd.DataFrame(rows, columns=names).astype({**text, "as_of": "datetime64[us, UTC]"})


def feature_counts(link: Link) -> dict[str, np.ndarray]:
    """Feature → accounts by bin (int64) on the night of a run; empty for runs that recorded none."""
    file = link.folder / FEATURE_COUNTS
    if not file.is_file():
        return {}
    frame = read_frozen(file)
    return {str(name): group["accounts"].to_numpy("int64") for name, group in frame.groupby("feature", sort=False)}


def transitions(links: Sequence[Link]) -> pd.DataFrame:
    """All MQA transitions that the runs recorded: the log."""
    files = (link.folder / TRANSITIONS for link in links)
    return joined(read_frozen(f) for f in files if f.is_file())


def frozen_columns(link: Link | None) -> tuple[str, ...]:
    """Names of what a run froze; none where there is no run."""
    from pyarrow import parquet

    if link is None:
        return ()
    with _readable(link.folder / FROZEN) as file:
        return tuple(parquet.read_schema(file).names)


def frozen_scores(
    link: Link | None, columns: Sequence[str] | None = None, between: tuple[str, str] | None = None
) -> pd.DataFrame | None:
    """What a run froze, of the accounts from one id to another; None where there is no run."""
    return read_frozen(link.folder / FROZEN, columns, between) if link is not None else None


def score_history(links: Sequence[Link], between: tuple[str, str] | None = None) -> pd.DataFrame:
    """Rows `account_id`, `as_of`, `score` that runs froze, of the accounts from one id to another."""
    parts = [
        read_frozen(link.folder / FROZEN, ["account_id", "score"], between).assign(as_of=link.as_of) for link in links
    ]
    if not parts:
        empty = {"account_id": "str", "score": "float64", "as_of": "datetime64[us, UTC]"}
        return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in empty.items()})
    return pd.concat(parts, ignore_index=True)


def read_frozen(
    file: Path, columns: Sequence[str] | None = None, between: tuple[str, str] | None = None
) -> pd.DataFrame:
    """A frozen file as it was written: text as `str`, timestamps as `datetime64[us, UTC]`.

    Args:
        file: Which.
        columns: Some of them; None: all.
        between: First and last account_id of the stretch that is wanted; None: all.

    Raises:
        MissingInputError: It is gone or damaged (66).
    """
    from pyarrow import parquet

    rows = [("account_id", ">=", between[0]), ("account_id", "<=", between[1])] if between else None
    with _readable(file):
        table = parquet.read_table(
            file, columns=list(columns) if columns else None, filters=rows, partitioning=None, pre_buffer=False
        )
    return table.to_pandas()


@contextmanager
def _readable(file: Path) -> Iterator[Path]:
    """The file; raises where it is gone or damaged."""
    from pyarrow import ArrowInvalid

    try:
        yield file
    except (FileNotFoundError, ArrowInvalid) as error:
        raise MissingInputError(
            "what a run decided cannot be read", where=str(file), fix="restore the run from a backup"
        ) from error
