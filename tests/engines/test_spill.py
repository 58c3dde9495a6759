"""Events streamed into files are the events that loading holds: the same rows, counts, refusals and duplicates."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.data import streaming
from abm_scoring.data.checks import ChecksSpec
from abm_scoring.data.file_sources import CsvSource, ParquetSource
from abm_scoring.data.loading import Loaded, load_tables
from abm_scoring.data.privacy import PrivacySpec
from abm_scoring.data.sources import StackSource
from abm_scoring.data.violations import RulesBroken
from abm_scoring.engines.partitions import Partitions
from abm_scoring.engines.spill import Spill

AS_OF = pd.Timestamp("2026-03-01", tz="UTC").to_pydatetime()
SOURCES = {name: ParquetSource(path=f"{name}.parquet") for name in ("accounts", "contacts", "events")}
ANY_SHARE = ChecksSpec(max_orphan_share=1.0)


class Always(Spill):
    """Spills however few events there are."""

    def wants(self, source: object, root: Path) -> bool:
        """Whatever the budget."""
        size = streaming.held_size(source, root)  # type: ignore[arg-type]
        self.size = size or (0, 0)
        return size is not None and not streaming.needs_whole(source, root)  # type: ignore[arg-type]


def market(folder: Path, events: pd.DataFrame) -> None:
    """Five accounts, two of them a family, and three contacts, one of whom objected."""
    accounts = pd.DataFrame({"account_id": list("abcde"), "parent_account_id": [None, "a", None, None, None]})
    said = pd.Timestamp("2026-01-01", tz="UTC")
    contacts = pd.DataFrame(
        {
            "contact_id": ["p", "q", "r"],
            "account_id": ["a", "c", "unknown"],
            "known_at": [said, said, pd.NaT],
            "objected_at": [pd.NaT, said, pd.NaT],
        }
    )
    for name, frame in (("accounts", accounts), ("contacts", contacts), ("events", events)):
        frame.astype({c: "str" for c in frame if frame[c].dtype == object}).to_parquet(folder / f"{name}.parquet")


def random_events(seed: int, n: int) -> pd.DataFrame:
    """Events of known, unknown and no accounts, with ids that repeat, late arrivals and people who objected."""
    draw = np.random.default_rng(seed)
    day = pd.Timestamp("2025-12-01", tz="UTC").as_unit("us")
    occurred = day + pd.to_timedelta(draw.integers(0, 120, n), unit="D")
    late = pd.Series(occurred + pd.to_timedelta(draw.integers(0, 5, n), unit="D"))
    pick = lambda values: draw.choice(np.array(values, object), n)  # noqa: E731
    return pd.DataFrame(
        {
            "occurred_at": occurred,
            "event_type": pick(["web_visit", "meeting"]),
            "account_id": pick([*"abcde", "x", None]),
            "contact_id": pick(["p", "q", "r", "s", None]),
            "event_id": pick([*(f"e{i}" for i in range(max(2, n // 2))), None]),
            "known_at": late.where(draw.random(n) < 0.6),
        }
    ).astype({"account_id": "str", "contact_id": "str", "event_id": "str", "event_type": "str"})


def streamed(folder: Path, spilled: Path, sources: dict[str, object], privacy: PrivacySpec) -> tuple[Loaded, Spill]:
    spilled.mkdir(exist_ok=True)
    sink = Always(spilled, 1, 2)
    return load_tables(sources, folder, ANY_SHARE, AS_OF, None, privacy, sink), sink  # type: ignore[arg-type]


def rows(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    named = frame.reindex(columns=sorted(frame.columns))
    return sorted(map(tuple, named.astype(object).where(named.notna(), "").astype(str).to_numpy()))


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 60), forget=st.booleans(), stacked=st.booleans())
def test_pieces_in_files_are_the_table(
    seed: int, n: int, forget: bool, stacked: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("spill")
    market(folder, random_events(seed, n))
    privacy = PrivacySpec(objections="forget" if forget else "from_then")
    own: dict[str, object] = dict(SOURCES)
    if stacked:
        events = pd.read_parquet(folder / "events.parquet")
        events.iloc[: n // 2].to_parquet(folder / "more.parquet")
        own["events"] = StackSource(parts=(SOURCES["events"], ParquetSource(path="more.parquet")))
    try:
        whole = load_tables(own, folder, ANY_SHARE, AS_OF, None, privacy)  # type: ignore[arg-type]
    except RulesBroken as error:
        with pytest.raises(RulesBroken) as refused:
            streamed(folder, folder / "files", own, privacy)
        assert [v.rule for v in refused.value.violations] == [v.rule for v in error.violations]
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "PIECE_ROWS", 7)
        found, sink = streamed(folder, folder / "files", own, privacy)
    parts = [pd.read_parquet(path) for path in sink.paths]
    together = pd.concat(parts, ignore_index=True)
    expected = whole.tables["events"]
    if "known_at" in together and "known_at" not in expected:
        together = together.drop(columns="known_at")
    assert rows(together[list(expected.columns)]) == rows(expected)
    assert found.reports["events"] == whole.reports["events"]
    assert found.fingerprints == whole.fingerprints
    assert found.tables["events"].empty and set(found.tables["events"]) >= set(expected)
    owners = [set(part["account_id"]) for part in parts]
    assert not any(a & b for i, a in enumerate(owners) for b in owners[:i])
    assert all({"a", "b"} & owner in ({"a", "b"}, {"a"}, {"b"}, set()) for owner in owners)
    held_by = [i for i, owner in enumerate(owners) if {"a", "b"} & owner]
    assert len(held_by) <= 1, "a family lies in one partition"


def test_what_a_piece_alone_cannot_settle_is_not_streamed(tmp_path: Path) -> None:
    market(tmp_path, random_events(1, 30))
    events = pd.read_parquet(tmp_path / "events.parquet")
    events.assign(email="someone@example.com").to_csv(tmp_path / "events.csv", index=False)
    assert streaming.needs_whole(CsvSource(path="events.csv", columns={"email": "email"}), tmp_path)
    assert streaming.needs_whole(SOURCES["events"].model_copy(update={"drop_repeats": True}), tmp_path)
    assert not streaming.needs_whole(SOURCES["events"], tmp_path)
    known = streaming.held_size(SOURCES["events"], tmp_path)
    assert known is not None and known[0] == 30


def test_broken_rows_are_counted_over_all_pieces(tmp_path: Path) -> None:
    market(tmp_path, random_events(2, 40))
    events = pd.read_parquet(tmp_path / "events.parquet").assign(minutes=1.0)
    events.loc[[3, 17, 35], "minutes"] = -1.0
    events.to_parquet(tmp_path / "events.parquet")
    for folder in ("refused", "files"):
        (tmp_path / folder).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "PIECE_ROWS", 10)
        with pytest.raises(RulesBroken) as refused:
            streamed(tmp_path, tmp_path / "refused", dict(SOURCES), PrivacySpec())
        (violation,) = refused.value.violations
        assert (violation.rule, violation.count) == ("out_of_range", 3)
        assert violation.rows == ("events.parquet:4", "events.parquet:18", "events.parquet:36")
        lenient = SOURCES["events"].model_copy(update={"on_violation": "reject", "max_reject_share": 0.1})
        found, _ = streamed(tmp_path, tmp_path / "files", {**SOURCES, "events": lenient}, PrivacySpec())
    assert found.reports["events"].rejected == 3 and found.rejects["row"].tolist() == [4, 18, 36]


def wide_market(folder: Path) -> dict[str, object]:
    """The market with deals in two currencies, of which one is of an unknown account."""
    market(folder, random_events(5, 60))
    contacts = pd.read_parquet(folder / "contacts.parquet")
    contacts.assign(known_at=contacts["known_at"].where(contacts["contact_id"] != "q")).to_parquet(
        folder / "contacts.parquet"
    )
    day = pd.Timestamp("2026-01-01", tz="UTC")
    deals = pd.DataFrame(
        {
            "opportunity_id": [f"o{i}" for i in range(7)],
            "account_id": ["a", "b", "c", "unknown", "e", "b", "a"],
            "created_at": [day + pd.Timedelta(days=i) for i in range(7)],
            "known_at": [day + pd.Timedelta(days=i) for i in range(7)],
            "amount": [float(i) * 100 for i in range(7)],
            "currency": ["EUR", "USD", None, "EUR", "USD", "EUR", "USD"],
        }
    )
    rates = pd.DataFrame({"valid_from": [day], "currency": ["USD"], "rate": [0.5]})
    for name, frame in (("opportunities", deals), ("exchange_rates", rates)):
        frame.astype({c: "str" for c in frame if frame[c].dtype == object}).to_parquet(folder / f"{name}.parquet")
    more = ("opportunities", "exchange_rates")
    return {**SOURCES, **{name: ParquetSource(path=f"{name}.parquet") for name in more}}


@pytest.mark.parametrize("forget", [True, False])
def test_rows_of_accounts_that_were_put_away_are_those_that_are_held(tmp_path: Path, forget: bool) -> None:
    sources = wide_market(tmp_path)
    privacy = PrivacySpec(objections="forget" if forget else "from_then")
    given: tuple[object, ...] = (sources, tmp_path, ANY_SHARE, AS_OF, None, privacy)
    whole = load_tables(*given, currency="EUR")  # type: ignore[arg-type]
    (tmp_path / "files").mkdir()
    sink = Always(tmp_path / "files", 1, 2)
    found = load_tables(*given, sink, currency="EUR")  # type: ignore[arg-type]
    assert set(sink.shelved) == {"accounts", "contacts", "opportunities"} and sink.n > 1
    assert [len(found.tables[name]) for name in ("accounts", "contacts", "opportunities")] == [5, 0, 0]
    assert found.reports == whole.reports and found.columns == whole.columns and found.undated == whole.undated
    assert whole.undated == (0 if forget else 1)
    away, held = Partitions(found.tables, 2, sink), Partitions(whole.tables, 2, n=sink.n)
    for p in range(sink.n):
        for name in ("accounts", "contacts", "opportunities"):
            pd.testing.assert_frame_equal(away[p].tables[name], held[p].tables[name], check_exact=True)
    assert sum(len(away[p].tables["opportunities"]) for p in range(sink.n)) == 6
    amounts = pd.concat([away[p].tables["opportunities"] for p in range(sink.n)]).set_index("opportunity_id")["amount"]
    assert amounts["o1"] == 50.0 and amounts["o2"] == 200.0


def test_too_many_orphans_are_refused_in_the_same_words(tmp_path: Path) -> None:
    sources = wide_market(tmp_path)
    strict, said = ChecksSpec(max_orphan_share=0.01), []
    (tmp_path / "files").mkdir()
    for sink in (None, Always(tmp_path / "files", 1, 2)):
        with pytest.raises(RulesBroken) as refused:
            load_tables(sources, tmp_path, strict, AS_OF, None, PrivacySpec(), sink)  # type: ignore[arg-type]
        said.append([v for v in refused.value.violations if v.table != "events"])
    assert said[0] == said[1] and [v.table for v in said[0]] == ["contacts", "opportunities"]


def test_tables_come_back_where_another_is_broken(tmp_path: Path) -> None:
    sources = wide_market(tmp_path)
    deals = pd.read_parquet(tmp_path / "opportunities.parquet").drop(columns="created_at")
    deals.to_parquet(tmp_path / "opportunities.parquet")
    said = []
    (tmp_path / "files").mkdir()
    for sink in (None, Always(tmp_path / "files", 1, 2)):
        with pytest.raises(RulesBroken) as refused:
            load_tables(sources, tmp_path, ANY_SHARE, AS_OF, None, PrivacySpec(), sink)  # type: ignore[arg-type]
        said.append(str(refused.value))
    assert said[0] == said[1] and "created_at" in said[0]


def test_a_frame_without_rows_keeps_no_memory_of_them() -> None:
    """The columns of every piece are remembered until all are read."""
    frame = pd.DataFrame({"event_id": pd.Series([f"event {i}" for i in range(50_000)], dtype="str"), "minutes": 1.0})
    columns = streaming.without_rows(frame)
    assert list(columns.dtypes) == list(frame.dtypes)
    base = columns["minutes"].to_numpy().base
    assert base is None or base.size == 0
    gc.collect()
    held = pa.total_allocated_bytes()
    del frame
    assert held - pa.total_allocated_bytes() > 500_000


def test_ids_that_come_more_than_once_are_found_over_all_pieces(tmp_path: Path) -> None:
    draw = np.random.default_rng(5)
    pieces = [draw.integers(0, 500, 100).astype(np.uint64) * np.uint64(2**40 + 1) for _ in range(3)]
    values, counts = np.unique(np.concatenate(pieces), return_counts=True)
    found = Spill(tmp_path, 1, 1).repeated(iter(pieces))
    assert found.tolist() == values[(counts > 1) & (values != 0)].tolist()
    assert not list(tmp_path.iterdir()), "no file is left"


def test_events_whose_id_comes_more_than_once_are_set_apart() -> None:
    hashes = {f"e{i}": 2**50 * (i + 1) + i % 3 for i in range(50)}
    ids = pd.Series([*hashes, None, "e4"], dtype="str")
    events = pd.DataFrame({"event_id": ids, "row": range(len(ids))})
    doubled = np.sort(np.array([hashes["e4"], hashes["e30"], 2**63 + 5], np.uint64))
    own = lambda texts: np.array([hashes.get(t, 0) for t in texts.to_pylist()], np.uint64)  # noqa: E731
    ready, waits = streaming.apart(events, own, doubled)
    assert waits["event_id"].tolist() == ["e4", "e30", "e4"]
    assert ready["row"].tolist() == [i for i in events["row"] if i not in {4, 30, 51}]
    everything, none = streaming.apart(events, own, doubled[:0])
    assert len(none) == 0 and everything.equals(events)
