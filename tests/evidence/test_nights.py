"""A month of nights whose deliveries come late, twice or not at all. Writes docs/evidence/nights.md.

Every night reads what had been delivered until then. Afterwards the whole month is scored again from scratch, from the
tables as they stand at its end; both must agree byte by byte.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abm_scoring.data.market.market import make_market, write_market
from abm_scoring.data.market.spec import MarketSpec
from abm_scoring.jobs.init import write_template
from tests.jobs.nights import frozen, scoring_folder
from tests.jobs.projects import quick, run, run_json

PAGE = Path(__file__).resolve().parents[2] / "docs" / "evidence" / "nights.md"
MARKET = MarketSpec(accounts=500, seed=3, conversion=0.1, events_per_account=40, late=0.1, duplicates=0.02)
NIGHTS = pd.date_range("2025-12-01", periods=30, freq="D", tz="UTC")
#: Tables that grow, whose rows say when they arrived.
GROWING = {"accounts": "csv", "contacts": "parquet", "events": "parquet", "opportunities": "csv"}
#: Positions of nights: a day's rows arrive after the next night; the last five days arrive once more; the export of
#: events is missing, or was cut in half, until the morning after.
STUCK, TWICE, MISSING, CUT = {4, 11, 12, 20}, {6, 13, 21, 27}, {8, 23}, {16}
#: Nights that are also replayed without looking at arrival, to show that the comparison can fail.
BLIND = 10
#: What a run decides and shows; columns that name the run itself are left out.
FILES = ("target_accounts.csv", "not_scored.csv", "mqa_transitions.parquet")
OWN = ["run_id", "retrospective"]
SETTINGS = quick(["outputs.formats=[csv]"])


@dataclass
class Month:
    """The nights' runs by their day, what was delivered to them, and what they refused."""

    runs: dict[pd.Timestamp, Path] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)
    refused: dict[pd.Timestamp, int] = field(default_factory=dict)


def arrivals(tables: dict[str, pd.DataFrame]) -> tuple[dict[str, pd.DataFrame], Counter[str]]:
    """The growing tables with the moments at which their rows truly arrived, repeats included, in no order."""
    counted, found = Counter[str](), {}
    for name, frame in tables.items():
        known = frame["known_at"].copy()
        for i in sorted(STUCK | MISSING | CUT):
            day = (known >= NIGHTS[i] - pd.Timedelta(days=1)) & (known < NIGHTS[i])
            known = known.mask(day, NIGHTS[i] + pd.Timedelta(hours=7))
            counted["stuck"] += int(day.sum())
        frame = frame.assign(known_at=known)
        again = [frame]
        for i in sorted(TWICE) if name == "events" else ():
            repeat = frame[(known >= NIGHTS[i] - pd.Timedelta(days=6)) & (known < NIGHTS[i] - pd.Timedelta(days=1))]
            again.append(repeat.assign(known_at=NIGHTS[i] - pd.Timedelta(hours=3)))
            counted["twice"] += len(repeat)
        every = pd.concat(again, ignore_index=True)
        found[name] = every.sample(frac=1, random_state=np.random.RandomState(len(every))).reset_index(drop=True)
    return found, counted


def deliver(tables: dict[str, pd.DataFrame], folder: Path, until: pd.Timestamp | None) -> None:
    """Write the growing tables as they stand at a moment; None = as they stand in the end."""
    for name, kind in GROWING.items():
        frame = tables[name] if until is None else tables[name][tables[name]["known_at"] < until]
        if kind == "csv":
            text = {c: frame[c].dt.strftime("%Y-%m-%dT%H:%M:%SZ") for c in frame.select_dtypes("datetimetz")}
            frame.assign(**text).to_csv(folder / f"{name}.csv", index=False)
        else:
            frame.to_parquet(folder / f"{name}.parquet", index=False)


def score(config: Path, out: Path, night: pd.Timestamp) -> Path:
    return Path(run_json("score", config, "--out", out, "--as-of", f"{night:%Y-%m-%d}", *SETTINGS)["run"])


def nightly(config: Path, tables: dict[str, pd.DataFrame], out: Path) -> Month:
    """Night after night, each with what had been delivered until then."""
    month, data = Month(), config.parent / "data"
    for i, night in enumerate(NIGHTS):
        deliver(tables, data, night)
        events = data / "events.parquet"
        if i in MISSING:
            events.unlink()
        elif i in CUT:
            frame = pd.read_parquet(events)
            frame.iloc[: len(frame) // 3].to_parquet(events, index=False)
        if i in MISSING | CUT:
            before = (out / "runs" / "small" / "latest").resolve()
            month.refused[night], _, _ = run("score", config, "--out", out, "--as-of", f"{night:%Y-%m-%d}", *SETTINGS)
            assert (out / "runs" / "small" / "latest").resolve() == before
            deliver(tables, data, night + pd.Timedelta(hours=8))  # what was stuck is there in the morning
        month.runs[night] = score(config, out, night)
    return month


def differences(month: Month, replayed: list[str]) -> Counter[str]:
    """Nights on which a file, or what was frozen, is another."""
    found = Counter[str]()
    for then, late in zip(month.runs.values(), map(Path, replayed), strict=False):
        for name in FILES:
            found[name] += (then / name).read_bytes() != (late / name).read_bytes()
        sides = [frozen({"run": str(folder)}).drop(columns=OWN) for folder in (then, late)]
        found["scores.parquet"] += not sides[0].equals(sides[1])
    return found


def replay(config: Path, out: Path, nights: int) -> list[str]:
    days = ("--from", f"{NIGHTS[0]:%Y-%m-%d}", "--to", f"{NIGHTS[nights - 1]:%Y-%m-%d}")
    found = run_json("backfill", config, *days, "--out", out, *SETTINGS)
    assert found["n_computed"] == nights
    return list(found["runs"])


def page(month: Month, late: int, same: Counter[str], blind: Counter[str]) -> str:
    rows = "".join(f"| `{name}` | {same[name]} | {blind[name]} |\n" for name in (*FILES, "scores.parquet"))
    told = ", ".join(f"{night:%d %B}: {code}" for night, code in month.refused.items())
    return (
        f"# A month of nights, and the same month from scratch\n\n{len(NIGHTS)} nights of a fictional market of "
        f"{MARKET.accounts} accounts, each with what had been delivered\nuntil then: {late} events became known more "
        f"than a day after they happened, {month.counted['stuck']} rows were stuck until the next\nmorning, "
        f"{month.counted['twice']} events came twice, and the export of events was missing or cut on "
        f"{len(month.refused)} nights. These were\nrefused ({told}), the last run stayed, and they "
        "were scored in the\nmorning, when more was known.\nThen `backfill` scored the month from the tables as they "
        "stand in the end, into an empty folder.\n`make evidence` writes this page.\n\n"
        f"| what a night leaves | of {len(NIGHTS)} nights differ | of {BLIND} nights differ without `known_at` |\n"
        f"|---|---|---|\n{rows}\nThe last column replays the first nights without `known_at` of events and "
        "opportunities: what a system gives\nthat takes today's tables for those of then.\n"
    )


@pytest.mark.evidence
def test_a_month_from_scratch_equals_its_nights(tmp_path: Path) -> None:
    project = tmp_path / "project"
    market = make_market(MARKET)
    write_market(market, project / "data")
    config = write_template("demo", project / "abm.yaml", "small")
    tables, counted = arrivals({name: market.tables[name] for name in GROWING})
    deliver(tables, project / "data", NIGHTS[0])
    trained = run_json("train", config, "--as-of", f"{NIGHTS[0]:%Y-%m-%d}", *SETTINGS)
    assert trained["bundle"], trained["reason"]
    month = nightly(config, tables, scoring_folder(config, tmp_path / "nightly"))
    month.counted = counted
    deliver(tables, project / "data", None)
    same = differences(month, replay(config, scoring_folder(config, tmp_path / "replayed"), len(NIGHTS)))
    for name in ("events", "opportunities"):
        tables[name] = tables[name].drop_duplicates(market_key(name)).drop(columns="known_at")
    deliver(tables, project / "data", None)
    blind = differences(month, replay(config, scoring_folder(config, tmp_path / "blind"), BLIND))
    events = market.tables["events"]
    days_late = (events["known_at"] - events["occurred_at"]) > pd.Timedelta(days=1)
    late = int((days_late & events["occurred_at"].between(NIGHTS[0], NIGHTS[-1])).sum())
    PAGE.write_text(page(month, late, same, blind), encoding="utf-8")
    assert sorted(month.refused.values()) == [65, 66, 66]
    assert sum(same.values()) == 0
    assert blind["scores.parquet"] > BLIND / 2


def market_key(name: str) -> list[str]:
    return {"events": ["event_id"], "opportunities": ["opportunity_id"]}[name]
