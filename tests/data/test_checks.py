from __future__ import annotations

import random
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.data.checks import Conformed, conform
from abm_scoring.data.file_sources import CsvSource
from abm_scoring.data.raw import Part, RawTable
from abm_scoring.data.schema import DTYPES, TABLES
from abm_scoring.data.violations import RULES, RulesBroken, Violation, as_text


def checked(table: str, columns: dict[str, list[Any]], /, **options: Any) -> Conformed:
    """Conform columns that came from a CSV file called t.csv."""
    spec = CsvSource(path="t.csv", **{"timezone": "UTC", **options})
    chosen = spec.select(list(columns), TABLES[table])
    data = pa.table({ours: columns[theirs] for ours, theirs in chosen.taken.items()})
    rows = len(next(iter(columns.values())))
    raw = RawTable(data, (Part("t.csv", rows, 2),), tuple(columns), chosen.missing, "0")
    return conform(raw, TABLES[table], spec)


def found(done: Conformed) -> dict[tuple[str, str], int]:
    return {(v.column, v.rule): v.count for v in done.violations}


DEALS: dict[str, list[Any]] = {
    "opportunity_id": ["o1", "o2"],
    "account_id": ["a", "b"],
    "created_at": ["2026-01-01", "2026-01-02"],
    "is_won": ["true", ""],
    "amount": ["1.5", "2"],
}


def test_a_good_table_has_canonical_types() -> None:
    done = checked("opportunities", DEALS | {"Own": ["x", "y"]}, extra_columns=["Own"])
    assert (done.violations, done.refused, done.rows_in, done.rejected, len(done.rejects)) == ((), False, 2, 0, 0)
    kinds = {"own": "text", **{c.name: c.type for c in TABLES["opportunities"].columns}}
    assert {c: str(t) for c, t in done.frame.dtypes.items()} == {c: DTYPES[kinds[str(c)]] for c in done.frame}
    assert list(done.frame)[-1] == "own"


def test_every_column_type_has_its_dtype_when_empty() -> None:
    for name, schema in TABLES.items():
        done = checked(name, {c.name: [] for c in schema.columns})
        assert {c: str(t) for c, t in done.frame.dtypes.items()} == {c.name: DTYPES[c.type] for c in schema.columns}
        assert not done.refused


def test_extra_columns_may_declare_a_type() -> None:
    done = checked("accounts", {"account_id": ["a"], "stock": ["7.5"]}, extra_columns={"stock": "number"})
    assert done.frame["stock"].tolist() == [7.5]


def test_all_rules_are_listed_at_once_with_places_and_values() -> None:
    done = checked(
        "accounts",
        {
            "account_id": ["a", "", "1E+05", "d"],
            "employee_count": ["-1", "5", "x", "6"],
            "founded_year": ["1990", "90", "2000", ""],
            "customer_since": ["1899-12-30", "2020-02-30", "2020-01-01", "9999-12-31"],
        },
        columns={"sector": "Branche"},
    )
    assert done.refused
    assert found(done) == {
        ("sector", "missing_column"): 4,
        ("account_id", "missing_value"): 1,
        ("account_id", "mangled_id"): 1,
        ("employee_count", "out_of_range"): 1,
        ("employee_count", "not_a_number"): 1,
        ("founded_year", "out_of_range"): 1,
        ("customer_since", "not_a_timestamp"): 1,
        ("customer_since", "implausible_date"): 2,
    }
    (low,) = (v for v in done.violations if v.rule == "out_of_range" and v.column == "employee_count")
    assert (low.rows, low.values, "0 to any" in low.fix) == (("t.csv:2",), ("-1",), True)
    assert {v.rule for v in done.violations} <= set(RULES)


def test_whole_numbers_have_a_range_too() -> None:
    done = checked("surveys", {"account_id": ["a"] * 3, "answered_at": ["2026-01-01"] * 3, "nps": ["0", "10", "11"]})
    assert found(done) == {("nps", "out_of_range"): 1}
    assert done.frame["nps"].tolist() == [0, 10]


@pytest.mark.parametrize(
    ("moment", "table", "column", "sound"),
    [
        ("1979-12-31T23:59:59.999999Z", "invoices", "invoiced_on", False),
        ("1980-01-01T00:00:00Z", "invoices", "invoiced_on", True),
        ("2099-12-31T23:59:59.999999Z", "invoices", "invoiced_on", True),
        ("2100-01-01T00:00:00Z", "invoices", "invoiced_on", False),
        ("1901-01-01T00:00:00Z", "accounts", "customer_since", True),
        ("1900-12-31T00:00:00Z", "accounts", "customer_since", False),
    ],
)
def test_plausible_dates_are_half_open(moment: str, table: str, column: str, sound: bool) -> None:
    assert found(checked(table, {"account_id": ["a"], column: [moment]})) == (
        {} if sound else {(column, "implausible_date"): 1}
    )


def test_five_examples_are_enough() -> None:
    done = checked("accounts", {"account_id": ["a"] + ["1E+05"] * 9})
    (violation,) = (v for v in done.violations if v.rule == "mangled_id")
    assert (violation.count, violation.rows) == (9, tuple(f"t.csv:{r}" for r in range(3, 8)))


def test_rejecting_leaves_rows_out_up_to_the_share() -> None:
    columns = {
        "account_id": ["a", "b", "c", "d"],
        "invoiced_on": ["2026-01-01", "soon", "2026-01-03", ""],
        "amount": ["1", "x", "3", "4"],
    }
    done = checked("invoices", columns, on_violation="reject", max_reject_share=0.5)
    assert (done.refused, done.rejected, done.frame["account_id"].tolist()) == (False, 2, ["a", "c"])
    assert done.rejects.sort_values(["row", "column"]).to_dict("records") == [
        {"table": "invoices", "file": "t.csv", "row": 3, "column": "amount", "rule": "not_a_number"},
        {"table": "invoices", "file": "t.csv", "row": 3, "column": "invoiced_on", "rule": "not_a_timestamp"},
        {"table": "invoices", "file": "t.csv", "row": 5, "column": "invoiced_on", "rule": "missing_value"},
    ]
    assert len(done.violations) == 3
    assert checked("invoices", columns, on_violation="reject", max_reject_share=0.49).refused
    assert checked("invoices", columns).refused


def test_a_refused_column_cannot_be_rejected_row_by_row() -> None:
    columns = {"account_id": ["a"] * 200, "employee_count": ["1.234"] * 200}
    assert checked("accounts", columns | {"account_id": [str(i) for i in range(200)]}, on_violation="reject").refused


def test_only_allowed_values_pass_and_may_be_mapped() -> None:
    columns = DEALS | {"kind": ["new", "Neugeschäft"]}
    done = checked("opportunities", columns)
    assert found(done) == {("kind", "not_allowed"): 1}
    assert "cross_sell" in done.violations[0].fix
    mapped = checked("opportunities", columns, values={"kind": {"Neugeschäft": "new"}})
    assert mapped.frame["kind"].tolist() == ["new", "new"]


def test_one_row_with_several_faults_is_one_rejected_row() -> None:
    columns = {"account_id": [str(i) for i in range(100)], "employee_count": ["-1"] + ["1"] * 99}
    columns["founded_year"] = ["1"] + ["2000"] * 99
    done = checked("accounts", columns, on_violation="reject", max_reject_share=0.01)
    assert (done.rejected, len(done.rejects), done.refused) == (1, 2, False)


def test_events_need_a_way_to_their_account() -> None:
    done = checked("events", {"occurred_at": ["2026-01-01"], "event_type": ["x"]})
    assert found(done) == {("account_id", "no_account"): 1}


def test_examples_show_no_personal_data() -> None:
    columns = {
        "occurred_at": ["2026-01-01"],
        "event_type": ["x"],
        "contact_id": [" anna@x.org"],
        "account_id": [" b@c "],
    }
    done = checked("events", columns | {"mail": ["zoe@x.org"]}, extra_columns={"mail": "number"})
    text = str(RulesBroken(done.violations))
    assert len(done.violations) == 3
    assert "anna" not in text
    assert "zoe" not in text
    assert "b@c" not in text
    hashed = checked("events", columns | {"contact_id": ["7E+05"], "account_id": ["b"]})
    assert [(v.rule, v.values) for v in hashed.violations] == [("mangled_id", ())]
    contacts = checked("contacts", {"contact_id": ["c1"], "stance": ["Anna Meier"]})
    assert (contacts.violations[0].rule, contacts.violations[0].values) == ("not_allowed", ())


def test_duplicate_accounts_are_refused_and_named() -> None:
    done = checked(
        "accounts", {"account_id": ["b", "a", "b", "c", "c"], "sector": list("vwxyz")}, on_violation="reject"
    )
    (violation,) = done.violations
    assert (done.refused, violation.rule, violation.values) == (True, "duplicate_key", ("b", "c"))
    assert "'b', 'c'" in str(RulesBroken(done.violations)).splitlines()[0]


def test_versions_are_no_duplicates_but_equal_ones_are() -> None:
    columns = {"account_id": ["a", "a", "a"], "known_at": ["2026-01-01", "2026-01-02", ""]}
    assert not checked("accounts", columns).refused
    assert checked("accounts", columns | {"known_at": ["2026-01-01", "2026-01-02", "2026-01-02"]}).refused
    assert checked("accounts", columns | {"known_at": ["", "2026-01-02", ""]}).refused


def test_a_missing_key_column_is_not_called_a_duplicate_too() -> None:
    assert found(checked("accounts", {"sector": ["x", "y"]})) == {("account_id", "missing_column"): 2}


EVENT_COLUMNS = ("event_id", "known_at", "occurred_at", "event_type", "account_id")
event_rows = st.tuples(
    st.sampled_from(["e1", "e2", "e3", ""]),
    st.sampled_from(["", "2026-02-01", "2026-02-02"]),
    st.sampled_from(["2026-01-01", "2026-01-02"]),
    st.sampled_from(["web_visit", "meeting"]),
    st.sampled_from(["a", "b"]),
)


def events_of(rows: list[tuple[str, ...]]) -> Conformed:
    return checked("events", {c: [r[i] for r in rows] for i, c in enumerate(EVENT_COLUMNS)})


def as_set(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    return sorted(tuple(map(str, row)) for row in frame.itertuples(index=False))


@settings(max_examples=25)
@given(st.lists(event_rows, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_events_are_deduplicated_the_same_in_any_order(rows: list[tuple[str, ...]], rng: random.Random) -> None:
    once = events_of(rows)
    shuffled = rng.sample(rows, len(rows))
    assert as_set(events_of(shuffled).frame) == as_set(once.frame)
    named = [r for r in rows if r[0]]
    assert as_set(events_of([*rows, *named]).frame) == as_set(once.frame)
    assert once.duplicates == len(named) - len({r[0] for r in named})
    for event_id in {r[0] for r in named}:
        (kept,) = once.frame.loc[once.frame["event_id"] == event_id, "known_at"]
        earliest = min(r[1] for r in named if r[0] == event_id)
        assert (str(kept)[:10] if earliest else kept is pd.NaT) == (earliest or True)


def test_repeats_without_ids_count_unless_configured() -> None:
    row = ("", "", "2026-01-01", "web_visit", "a")
    columns = {c: [row[i]] * 3 for i, c in enumerate(EVENT_COLUMNS)}
    assert len(checked("events", columns).frame) == 3
    done = checked("events", columns, drop_repeats=True)
    assert (len(done.frame), done.duplicates) == (1, 2)


def test_the_message_is_a_summary_and_a_table() -> None:
    some = (
        Violation("accounts", "sector", "missing_column", 4, fix="map it", whole=True),
        Violation(
            "events", "minutes", "out_of_range", 2, ("a.csv:2", "a.csv:9", "b.csv:3"), ("-1", "-2", "-3"), "correct"
        ),
    )
    first, *table = str(RulesBroken(some)).splitlines()
    assert first.startswith("accounts, events: input data break 2 rules - ")
    assert "on_violation: reject" in first
    assert len(table) == 3
    assert "a.csv:2,9 b.csv:3" in as_text(some)
    assert RulesBroken(some[:1]).args[0].splitlines()[0] == "accounts.sector: missing_column in 4 rows - map it"
    assert some[0].as_dict()["whole"] is True


@pytest.mark.parametrize("rows", [200_000])
def test_conform_works_by_column_not_by_row(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # A Python step per row would show as calls; conversions may call into Arrow only a fixed number of times.
    import cProfile
    import pstats

    columns = {
        "event_id": [f"e{i}" for i in range(rows)],
        "occurred_at": ["2026-01-01T10:00:00"] * rows,
        "event_type": ["web_visit"] * rows,
        "account_id": [f"a{i % 50}" for i in range(rows)],
        "minutes": ["1.5"] * rows,
    }
    profile = cProfile.Profile()
    profile.enable()
    done = checked("events", columns)
    profile.disable()
    assert len(done.frame) == rows
    assert pstats.Stats(profile).total_calls < rows / 4  # type: ignore[attr-defined]
