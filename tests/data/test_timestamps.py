from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm_scoring.data.timestamps import instants, text_instants

UTC = dt.UTC


def read(texts: list[str | None], zone: str | None = None, *formats: str) -> tuple[list[object], dict[str, list[int]]]:
    values, failures = text_instants(pa.chunked_array([pa.array(texts, pa.string())]), formats, zone)
    assert values.type == pa.timestamp("us", "UTC")
    return values.to_pylist(), {f.rule: f.rows.tolist() for f in failures if f.rows is not None}


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-02T03:04:05Z", utc(2026, 1, 2, 3, 4, 5)),
        ("2026-01-02 03:04:05.25+02:00", utc(2026, 1, 2, 1, 4, 5, 250_000)),
        ("2026-01-02T03:04+0530", utc(2026, 1, 1, 21, 34)),
        ("2026-01-02 03:04:05.1234567 -01", utc(2026, 1, 2, 4, 4, 5, 123_456)),
        ("2026-07-02T03:04:05", utc(2026, 7, 2, 1, 4, 5)),
        ("2026-07-02", utc(2026, 7, 1, 22)),
    ],
)
def test_iso_8601_alone_and_mixed(text: str, instant: dt.datetime) -> None:
    assert read([text], "Europe/Berlin") == ([instant], {})
    mixed = ["2026-01-01T00:00Z", text, None, "2026-01-01"]
    assert read(mixed, "Europe/Berlin") == ([utc(2026, 1, 1), instant, None, utc(2025, 12, 31, 23)], {})


@pytest.mark.parametrize(
    "text", ["01/02/2026", "2026-1-2", "20260102", "2026-02-30", "2026", "26-01-02", "2026-01-02T25:00", "noon", "1e9"]
)
def test_anything_else_is_no_timestamp(text: str) -> None:
    assert read(["2026-01-02", text], "UTC") == ([utc(2026, 1, 2), None], {"not_a_timestamp": [1]})


def test_a_declared_format_is_the_only_one_read() -> None:
    assert read(["01/02/2026"], "UTC", "%d/%m/%Y")[0] == [utc(2026, 2, 1)]
    assert read(["01/02/2026"], "UTC", "%m/%d/%Y")[0] == [utc(2026, 1, 2)]
    assert read(["2026-02-01", "31/02/2026"], "UTC", "%d/%m/%Y")[1] == {"not_a_timestamp": [0, 1]}


def test_several_formats_are_tried_in_order_and_may_not_contradict() -> None:
    texts = ["31.12.2025", "31.12.2025 13:00", "x"]
    assert read(texts, "UTC", "%d.%m.%Y", "%d.%m.%Y %H:%M") == (
        [utc(2025, 12, 31), utc(2025, 12, 31, 13), None],
        {"not_a_timestamp": [2]},
    )
    both = read(["03/04/2026", "13/04/2026", "05/05/2026"], "UTC", "%d/%m/%Y", "%m/%d/%Y")
    assert both == ([None, utc(2026, 4, 13), utc(2026, 5, 5)], {"ambiguous_date": [0]})


def test_a_format_with_an_offset_needs_no_zone() -> None:
    assert read(["02.01.2026 03:00 +0100"], None, "%d.%m.%Y %H:%M %z") == ([utc(2026, 1, 2, 2)], {})


def test_naive_times_need_a_declared_zone() -> None:
    assert read(["2026-01-02", "2026-01-02T03:04", "2026-01-02T03:04Z"]) == (
        [None, None, utc(2026, 1, 2, 3, 4)],
        {"no_time_zone": [0, 1]},
    )


def test_local_times_that_do_not_exist_or_exist_twice_fail() -> None:
    texts = ["2026-03-29T01:59:59", "2026-03-29T02:00", "2026-03-29T02:59:59", "2026-03-29T03:00"]
    assert read(texts, "Europe/Berlin") == (
        [utc(2026, 3, 29, 0, 59, 59), None, None, utc(2026, 3, 29, 1)],
        {"dst_gap": [1, 2]},
    )
    texts = ["2026-10-25T01:59:59", "2026-10-25T02:00", "2026-10-25T02:59:59", "2026-10-25T03:00"]
    assert read(texts, "Europe/Berlin") == (
        [utc(2026, 10, 24, 23, 59, 59), None, None, utc(2026, 10, 25, 2)],
        {"dst_overlap": [1, 2]},
    )
    assert read(["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"])[1] == {}


def test_a_date_begins_at_the_first_moment_of_its_day() -> None:
    # Clocks went forward at midnight in São Paulo, the day began at 01:00; and back at one in Havana, it began twice.
    assert read(["2017-10-15"], "America/Sao_Paulo") == ([utc(2017, 10, 15, 3)], {})
    assert read(["2025-11-02"], "America/Havana") == ([utc(2025, 11, 2, 4)], {})
    assert read(["2017-10-15T00:00"], "America/Sao_Paulo")[1] == {"dst_gap": [0]}


@pytest.mark.parametrize(
    ("text", "unit"),
    [("1767225600000", "epoch milliseconds"), ("1767225600", "epoch seconds"), ("46023.5", "spreadsheet serial days")],
)
def test_bare_numbers_are_named_for_what_they_look_like(text: str, unit: str) -> None:
    _, (failure,) = text_instants(pa.chunked_array([[text, text]]), (), "UTC")
    assert (failure.rule, unit in failure.hint) == ("not_a_timestamp", True)


def test_typed_columns() -> None:
    day, naive = pa.chunked_array([[dt.date(2026, 7, 1), None]]), pa.chunked_array([[dt.datetime(2026, 7, 1, 2)]])
    assert instants(day, "Europe/Berlin")[0].to_pylist() == [utc(2026, 6, 30, 22), None]
    assert instants(naive, "Europe/Berlin")[0].to_pylist() == [utc(2026, 7, 1)]
    assert [f.rule for f in instants(naive, None)[1]] == ["no_time_zone"]
    aware = pa.chunked_array([pa.array([1_700_000_000_123_456_789], pa.timestamp("ns", "Asia/Tokyo"))])
    assert instants(aware, None)[0].to_pylist() == [utc(2023, 11, 14, 22, 13, 20, 123_456)]


@given(
    st.lists(st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2037, 1, 1)), min_size=1, max_size=20),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]),
)
def test_written_instants_read_back(moments: list[dt.datetime], zone: str) -> None:
    local = [m.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)) for m in moments]
    expected = [m.replace(tzinfo=UTC) for m in moments]
    assert read([m.isoformat() for m in local]) == (expected, {})
    values, failures = read([m.replace(tzinfo=None).isoformat() for m in local], zone)
    twice = [i for i, m in enumerate(local) if m.utcoffset() != m.replace(fold=1 - m.fold).utcoffset()]
    assert failures == ({"dst_overlap": twice} if twice else {})
    assert [v for v in values if v is not None] == [e for i, e in enumerate(expected) if i not in twice]
