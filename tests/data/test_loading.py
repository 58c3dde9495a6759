from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from abm_scoring.data.checks import ChecksSpec
from abm_scoring.data.file_sources import CsvSource
from abm_scoring.data.loading import Loaded, load_tables
from abm_scoring.data.violations import RulesBroken
from abm_scoring.errors import BadDataError, ConfigError, MissingInputError

ACCOUNTS = "account_id,sector\na,x\nb,y\n"
EVENTS = "occurred_at,event_type,account_id\n2026-01-01,web_visit,a\n"

Load = Callable[..., Loaded]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Write tables given as CSV text and load them all."""

    def run(
        checks: ChecksSpec | None = None, as_of: dt.datetime | None = None, reject: float | None = None, **tables: str
    ) -> Loaded:
        for name, text in tables.items():
            (tmp_path / f"{name}.csv").write_text(text)
        policy = {} if reject is None else {"on_violation": "reject", "max_reject_share": reject}
        sources = {n: CsvSource(path=f"{n}.csv", timezone="UTC", **policy) for n in tables}  # type: ignore[arg-type]
        return load_tables(sources, tmp_path, checks, as_of)

    return run


def test_tables_reports_and_fingerprints(load: Load) -> None:
    loaded = load(accounts=ACCOUNTS, events=EVENTS)
    assert {n: len(loaded.tables[n]) for n in loaded.tables} == {"accounts": 2, "events": 1}
    assert loaded.fingerprints["accounts"] == hashlib.sha256(ACCOUNTS.encode()).hexdigest()
    report = loaded.reports["events"]
    assert (report.rows_in, report.accepted, report.future) == (1, 1, None)
    assert report.as_dict()["newest"] == "2026-01-01T00:00:00+00:00"
    assert loaded.rejects.empty


def test_names_must_be_canonical_and_accounts_there(load: Load) -> None:
    with pytest.raises(ConfigError, match='did you mean "events"'):
        load(accounts=ACCOUNTS, event=EVENTS)
    with pytest.raises(ConfigError, match="no accounts"):
        load(events=EVENTS)


def test_violations_of_all_tables_come_together(load: Load) -> None:
    with pytest.raises(RulesBroken) as caught:
        load(
            accounts="account_id,employee_count\na,-1\nb,x\n",
            events="occurred_at,event_type,account_id\n2026-01-01,,a\n",
            opportunities="opportunity_id,account_id\n1\n",
            invoices="account_id,amount\na,5\n",
        )
    assert {(v.table, v.column, v.rule) for v in caught.value.violations} == {
        ("accounts", "employee_count", "out_of_range"),
        ("accounts", "employee_count", "not_a_number"),
        ("events", "event_type", "missing_value"),
        ("opportunities", "", "unreadable"),
        ("invoices", "invoiced_on", "missing_column"),
    }
    assert caught.value.exit_code == 65
    assert "opportunities.csv line 2" in str(caught.value)


def test_a_single_unreadable_file_speaks_for_itself(load: Load) -> None:
    with pytest.raises(BadDataError, match=r"^accounts\.csv line 2: row of 1") as caught:
        load(accounts="account_id,sector\na\n")
    assert not isinstance(caught.value, RulesBroken)


def test_a_missing_file_is_no_data_error(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError):
        load_tables({"accounts": CsvSource(path="gone.csv")}, tmp_path)


def test_rejected_rows_are_reported_with_their_reason(load: Load) -> None:
    loaded = load(accounts=ACCOUNTS + "c,z\n", events=EVENTS + "soon,web_visit,b\n2026-01-02,call,a\n", reject=0.4)
    assert loaded.reports["events"].rejected == 1
    assert loaded.reports["events"].accepted == 2
    assert loaded.rejects.to_dict("records") == [
        {"table": "events", "file": "events.csv", "row": 3, "column": "occurred_at", "rule": "not_a_timestamp"}
    ]
    assert [v.rule for v in loaded.violations] == ["not_a_timestamp"]


def test_events_find_their_account_or_are_dropped_and_counted(load: Load) -> None:
    loaded = load(
        accounts=ACCOUNTS,
        contacts="contact_id,account_id,known_at\np,b,2026-01-05\nq,,\n",
        events="occurred_at,event_type,account_id,contact_id\n"
        "2026-01-01,web_visit,a,\n2026-01-02,web_visit,,p\n2026-01-03,web_visit,,q\n2026-01-04,web_visit,,\n",
    )
    report = loaded.reports["events"]
    assert (report.accepted, report.attributed, report.anonymous, report.late) == (2, 1, 2, 1)
    assert loaded.tables["events"]["account_id"].tolist() == ["a", "b"]
    assert str(loaded.tables["events"]["known_at"][1]) == "2026-01-05 00:00:00+00:00"


def test_events_that_reach_no_account_at_all_are_refused(load: Load) -> None:
    with pytest.raises(RulesBroken, match="load contacts"):
        load(accounts=ACCOUNTS, events="occurred_at,event_type,contact_id\n2026-01-01,web_visit,p\n")


def test_orphans_are_dropped_below_the_limit_and_refused_above(load: Load) -> None:
    tables = {
        "accounts": ACCOUNTS,
        "events": EVENTS + "2026-01-01,web_visit,zz\n",
        "invoices": "account_id,invoiced_on\nzz,2026-01-01\na,2026-01-01\n",
        "contacts": "contact_id,account_id\np,\nq,a\n",
    }
    loaded = load(ChecksSpec(max_orphan_share=0.5), **tables)
    assert loaded.tables["events"]["account_id"].tolist() == ["a"]
    assert (loaded.reports["events"].orphans, loaded.reports["events"].orphan_share) == (1, 0.5)
    assert len(loaded.tables["contacts"]) == 2
    with pytest.raises(RulesBroken) as caught:
        load(ChecksSpec(max_orphan_share=0.49), **tables)
    assert [(v.table, v.rule, v.values) for v in caught.value.violations] == [
        ("events", "orphans", ("zz",)),
        ("invoices", "orphans", ("zz",)),
    ]


def test_future_and_late_events_are_counted_and_kept(load: Load) -> None:
    events = "occurred_at,event_type,account_id,known_at\n"
    events += "2026-01-01,x,a,\n2026-01-02,x,a,2026-01-02\n2026-01-03,x,a,2026-01-09\n"
    loaded = load(as_of=dt.datetime(2026, 1, 2, tzinfo=dt.UTC), accounts=ACCOUNTS, events=events)
    report = loaded.reports["events"]
    assert (report.accepted, report.future, report.late) == (3, 2, 1)


@pytest.mark.parametrize("empty", ["", "\n\n", "occurred_at,event_type,account_id\n"])
def test_empty_tables_are_refused_unless_allowed(load: Load, empty: str) -> None:
    with pytest.raises(RulesBroken, match="events: empty"):
        load(accounts=ACCOUNTS, events=empty)
    loaded = load(ChecksSpec(allow_empty=True), accounts=ACCOUNTS, events=empty)
    assert (len(loaded.tables["events"]), loaded.reports["events"].rows_in) == (0, 0)
    assert {"occurred_at", "event_type", "account_id"} <= set(loaded.tables["events"])


def test_other_tables_may_have_no_rows_but_not_no_header(load: Load) -> None:
    assert len(load(accounts=ACCOUNTS, contacts="contact_id\n").tables["contacts"]) == 0
    with pytest.raises(RulesBroken, match="contacts: empty"):
        load(accounts=ACCOUNTS, contacts="")
