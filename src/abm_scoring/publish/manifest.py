"""The manifest: what a run read, with which model, what came out, and every time that is not a decision."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from datetime import UTC
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field

from abm_scoring.publish.hashing import FileHash
from abm_scoring.spec import Spec

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1

#: Libraries whose version can move a score or the bytes of a file.
LIBRARIES = ("duckdb", "lightgbm", "numba", "numpy", "pandas", "pyarrow", "scikit-learn")

Utc = Annotated[AwareDatetime, AfterValidator(lambda t: t.astimezone(UTC))]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]


def _inside(name: str) -> str:
    if name.startswith("/") or not {"", ".", ".."}.isdisjoint(name.split("/")):
        raise ValueError("a file of a run lies inside its folder")
    return name


FileName = Annotated[str, AfterValidator(_inside)]


class InputRecord(Spec):
    """What was read of one canonical table."""

    sha256: Sha256 = Field(description="SHA-256 of the source's bytes, or of the rows of a query")
    rows_in: Count = Field(description="rows that the source held")
    rows_accepted: Count = Field(description="rows that scoring used")
    rows_rejected: Count = Field(0, description="rows that broke a rule")
    duplicates: Count = Field(0, description="rows dropped as duplicates")
    other: dict[str, Count] = Field(default_factory=dict, description="further counts, e.g. future, orphan, late")
    columns: tuple[str, ...] = Field((), description="canonical and extra columns that were read, sorted")


class Counts(Spec):
    """Accounts by where they ended; together every account of the input, each once."""

    ranked: Count
    withheld: Count
    not_scored: Count


class MqaRecord(Spec):
    """What a night changed about MQAs."""

    open: Count = Field(description="MQAs open after the run")
    entered: Count = Field(description="accounts that became one")
    left: Count = Field(description="MQAs that ended")
    flips_wanted: Count = Field(
        description="MQAs that scores and the list would end or begin, without what age and sales explain"
    )
    breaker_tripped: bool = Field(description="whether the circuit breaker held these back")


class HoldoutRecord(Spec):
    """What the holdout can tell: normal approximation, 80 % power, 5 % level, families as units."""

    families: Count = Field(description="candidate families")
    withheld: Count = Field(description="of which are withheld")
    base_rate: float | None = Field(description="mean conversion probability of a candidate family")
    detectable_lift: float | None = Field(description="smallest relative effect that the arms detect")
    wanted_lift: float = Field(description="relative effect that one would like to detect")
    share_needed: float | None = Field(description="share to withhold for it; null: no share is enough")
    per_arm: float | None = Field(description="families that each of two equal arms needs for it")


class NoiseRecord(Spec):
    """What the bot and noise gate found."""

    action: str = Field(description="keep, cap or exclude")
    flagged: dict[str, Count] = Field(description="rule → events that it flagged")
    left_out: Count = Field(description="events that features did not see")
    accounts: dict[str, Count] = Field(description="accounts with most flagged events → how many")


class GateRecord(Spec):
    """The verdict of one gate."""

    name: str
    outcome: Literal["passed", "warned", "refused", "accepted", "not_judged"] = Field(
        description="accepted: let through by a flag; not_judged: nothing to compare with"
    )
    says: str = Field("", description="what is wrong, in words; empty where nothing is")
    value: float | None = Field(None, description="what was measured")
    limit: float | None = Field(None, description="what it was measured against")


class Versions(Spec):
    """Software that computed the run."""

    python: str
    package: str
    libraries: dict[str, str]


class Manifest(Spec):
    """All that is known about a run beside its files.

    `scored_at` and `timings` stand here and in no other file, so that a second run of the same day publishes the same
    bytes. Numbers are finite: what cannot be computed is null or absent.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    schema_version: int = Field(SCHEMA_VERSION, ge=1, le=SCHEMA_VERSION, description="version of this file's shape")
    run_id: str = Field(description="name of the run's folder")
    as_of: Utc = Field(description="the run knows what was known before this moment")
    scored_at: Utc = Field(description="when the run was computed")
    timings: dict[str, float] = Field(default_factory=dict, description="seconds by stage")
    retrospective: bool = Field(False, description="a backfill or what-if: never current, never in the ledger")
    predecessor: str | None = Field(
        None,
        description="last run of an earlier day on the chain, whose state this one goes on from; null for the first",
    )
    model_version: str = Field(description="version of the model bundle")
    config_hash: str = Field(description="hash of the configuration")
    rung: str = Field(description="rung of the model ladder")
    horizon_days: int | None = Field(None, ge=1, description="days that a conversion probability looks ahead")
    inputs: dict[str, InputRecord] = Field(description="canonical tables by name")
    counts: Counts
    mqa: MqaRecord | None = Field(None, description="what changed about MQAs; null where no status is kept")
    holdout: HoldoutRecord | None = Field(None, description="what the holdout can tell; null without one")
    files: dict[FileName, FileHash] = Field(description="every other file of the run by relative name")
    versions: Versions
    warnings: tuple[str, ...] = Field((), description="one sentence each")
    gates: tuple[GateRecord, ...] = Field((), description="verdicts before publication")
    unseen: dict[str, Count] = Field(
        default_factory=dict, description="categories with levels that training never saw → accounts"
    )
    noise: NoiseRecord | None = Field(None, description="implausible activity; null where the gate was not asked")
    score_quantiles: dict[str, float] = Field(default_factory=dict, description="quantiles of the score, e.g. 0.5")
    expected_conversions: float | None = Field(None, ge=0, description="sum of probabilities of the scored accounts")

    def to_json(self) -> str:
        """The manifest as strict JSON: keys sorted, two spaces, one newline at the end."""
        body = self.model_dump(mode="json")
        return json.dumps(body, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest.json` into a folder, which must not hold one yet."""
    with (folder / MANIFEST).open("x", encoding="utf-8", newline="\n") as file:
        file.write(manifest.to_json())


def installed_versions(libraries: Iterable[str] = LIBRARIES) -> Versions:
    """Versions of Python, of this package and of `libraries` as installed; none of them is imported."""
    found = {name: _version(name) for name in libraries}
    return Versions(python=platform.python_version(), package=_version("abm-scoring"), libraries=found)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
