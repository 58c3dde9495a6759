from __future__ import annotations

import random

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.data.linking import ContactIndex, attribute, orphans


def times(values: list[str | None]) -> pd.Series:
    return pd.Series(pd.to_datetime(values, utc=True)).dt.as_unit("us")


def events(*rows: tuple[str | None, str | None, str, str | None]) -> pd.DataFrame:
    """account, contact, occurred_at, known_at."""
    frame = pd.DataFrame(rows, columns=["account_id", "contact_id", "occurred_at", "known_at"])
    frame = frame.astype({"account_id": "str", "contact_id": "str"})
    return frame.assign(occurred_at=times([r[2] for r in rows]), known_at=times([r[3] for r in rows]))


def contacts(*rows: tuple[str, str | None, str | None]) -> pd.DataFrame:
    """contact, account, known_at."""
    frame = pd.DataFrame(rows, columns=["contact_id", "account_id", "known_at"]).astype(
        {"account_id": "str", "contact_id": "str"}
    )
    return frame.assign(known_at=times([r[2] for r in rows]))


def linked(
    event: tuple[str | None, str | None, str, str | None], *people: tuple[str, str | None, str | None]
) -> tuple[str, str]:
    frame, _ = attribute(events(event), contacts(*people))
    return str(frame["account_id"][0]), str(frame["known_at"][0])[:10]


MOVED = [("p", "A", "2026-01-10"), ("p", "B", "2026-06-01")]


@pytest.mark.parametrize(
    ("occurred", "known", "account", "since"),
    [
        ("2026-02-01", None, "A", "2026-01-10"),
        ("2026-02-01", "2026-03-01", "A", "2026-03-01"),
        ("2026-07-01", None, "B", "2026-06-01"),
        ("2026-06-01", None, "B", "2026-06-01"),
        ("2026-01-01", None, "A", "2026-01-10"),
        ("2026-01-01", "2026-01-05", "A", "2026-01-10"),
    ],
)
def test_events_go_to_the_account_of_their_contact_then(
    occurred: str, known: str | None, account: str, since: str
) -> None:
    assert linked((None, "p", occurred, known), *MOVED) == (account, since)


def test_a_contact_without_date_is_always_known() -> None:
    assert linked((None, "p", "2026-01-01", None), ("p", "A", None)) == ("A", "NaT")
    assert linked((None, "p", "2026-01-01", "2026-02-01"), ("p", "A", None)) == ("A", "2026-02-01")
    assert linked((None, "p", "2026-01-01", None), ("p", "A", None), ("p", "B", "2025-01-01")) == ("B", "2025-01-01")


def test_an_account_of_its_own_is_kept() -> None:
    assert linked(("Z", "p", "2026-02-01", None), *MOVED) == ("Z", "NaT")


def test_versions_without_account_do_not_count() -> None:
    assert linked((None, "p", "2026-02-01", None), ("p", None, "2026-01-01"), ("p", "A", "2026-03-01")) == (
        "A",
        "2026-03-01",
    )
    assert linked((None, "p", "2026-02-01", None), ("p", None, "2026-01-01")) == ("nan", "NaT")
    assert linked((None, "q", "2026-02-01", None), *MOVED) == ("nan", "NaT")


def test_counts_and_columns() -> None:
    frame, count = attribute(
        events((None, "p", "2026-02-01", None), (None, "q", "2026-02-01", None), ("Z", None, "2026-02-01", None)),
        contacts(*MOVED),
    )
    assert count == 1
    assert frame["account_id"].tolist()[::2] == ["A", "Z"]
    bare = events((None, "p", "2026-02-01", None)).drop(columns=["account_id", "known_at"])
    dated, count = attribute(bare, contacts(*MOVED))
    assert (count, dated["account_id"][0], str(dated["known_at"].dtype)) == (1, "A", "datetime64[us, UTC]")
    undated, _ = attribute(bare, contacts(("p", "A", None)).drop(columns="known_at"))
    assert "known_at" not in undated
    assert attribute(bare.drop(columns="contact_id"), contacts(*MOVED))[0]["account_id"].isna().all()


def few_hashes(texts: pa.ChunkedArray) -> np.ndarray:
    """Hashes that p and r share; 0 for nothing."""
    return np.array([{"p": 7, "q": 3, "r": 7}.get(text, 0) for text in texts.to_pylist()], np.uint64)


def test_an_index_finds_the_contacts_of_events_without_account_alone() -> None:
    everybody = contacts(("q", "B", None), *MOVED, ("q", "C", "2026-01-01"), (None, "D", None))  # type: ignore[arg-type]
    index = ContactIndex.of(everybody, few_hashes)
    alone, named = (None, "p", "2026-02-01", None), ("Z", "q", "2026-02-01", None)
    assert index.those_of(events(alone, named)).equals(everybody.iloc[[1, 2]])
    assert index.those_of(events((None, None, "2026-02-01", None))).empty
    assert index.those_of(events(alone).drop(columns="contact_id")).empty
    assert index.those_of(events(named).drop(columns="account_id")).equals(everybody.iloc[[0, 3]])
    assert ContactIndex.of(everybody.iloc[:0], few_hashes).those_of(events(alone)).empty


days = st.integers(1, 28).map(lambda d: f"2026-01-{d:02d}")
people = st.sampled_from(["p", "q", "r"])


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.none() | st.just("Z"), st.none() | people, days, st.none() | days), min_size=1, max_size=8),
    st.lists(
        st.tuples(people, st.none() | st.sampled_from("AB"), st.none() | days),
        max_size=6,
        unique_by=lambda r: (r[0], r[2]),
    ),
    st.randoms(use_true_random=False),
)
def test_attribution_agrees_with_a_plain_search(
    rows: list[tuple[str | None, str | None, str, str | None]],
    versions: list[tuple[str, str | None, str | None]],
    rng: random.Random,
) -> None:
    known_people = contacts(*rng.sample(versions, len(versions)))
    frame, count = attribute(events(*rows), known_people)
    found = ContactIndex.of(known_people, few_hashes).those_of(events(*rows))
    through_index, counted = attribute(events(*rows), found)
    pd.testing.assert_frame_equal(through_index, frame)
    assert counted == count
    attributed = 0
    for i, (account, contact, occurred, known) in enumerate(rows):
        dated = sorted((since or "", theirs) for person, theirs, since in versions if person == contact and theirs)
        if account is None and dated:
            since, account = ([v for v in dated if v[0] <= occurred] or dated[:1])[-1]
            known = max(known or "", since) or None
            attributed += 1
        got = frame["account_id"][i], frame["known_at"][i]
        assert (None if pd.isna(got[0]) else got[0]) == account
        assert (None if pd.isna(got[1]) else str(got[1])[:10]) == known
    assert count == attributed


def account_ids(*ids: str | None) -> pd.DataFrame:
    return pd.DataFrame({"account_id": pd.Series(ids, dtype="str")})


def test_orphans_are_rows_whose_account_is_unknown() -> None:
    lost = orphans(account_ids("a", "x", None, "b", "x"), account_ids("a", "b", "b"))
    assert lost.rows.tolist() == [False, True, False, False, True]
    assert (lost.examples, lost.hint) == (("x",), "")
    assert not orphans(account_ids(), account_ids("a")).rows.any()
    assert orphans(account_ids("a"), account_ids()).rows.all()


@pytest.mark.parametrize(
    ("theirs", "ours"), [("123", "00123"), ("00123", "123"), ("123.0", "123"), ("ab1", "AB1"), ("a ", "a")]
)
def test_ids_that_differ_in_their_spelling_are_named(theirs: str, ours: str) -> None:
    lost = orphans(account_ids(theirs, "other"), account_ids(ours, "9"))
    assert repr(theirs) in lost.hint
    assert repr(ours) in lost.hint
    assert orphans(account_ids(theirs, "x", "y"), account_ids(ours)).hint == ""
