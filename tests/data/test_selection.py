from __future__ import annotations

import pytest

from abm_scoring.data.schema import ACCOUNTS, TableSchema
from abm_scoring.data.selection import Selection, extra_name, select, snake_case
from abm_scoring.errors import ConfigError


def test_same_names_are_taken_and_others_ignored() -> None:
    assert select(["sector", "account_id", "Sector", "other"], ACCOUNTS, {}, ()) == Selection(
        {"account_id": "account_id", "sector": "sector"}, {}
    )


def test_mapped_names_win_and_null_leaves_a_column_out() -> None:
    columns = {"account_id": "Id", "sector": "Branche", "region": None, "known_at": "Id"}
    chosen = select(["Id", "Branche", "sector", "region"], ACCOUNTS, columns, ())
    assert chosen == Selection({"account_id": "Id", "sector": "Branche", "known_at": "Id"}, {})


def test_required_and_mapped_columns_must_be_there() -> None:
    assert select(["x"], ACCOUNTS, {"sector": "Branche"}, ()).missing == {
        "account_id": "account_id",
        "sector": "Branche",
    }
    assert select(["x"], ACCOUNTS, {"account_id": None}, ()).missing == {"account_id": "account_id"}


def test_extra_columns_are_found_by_their_name_ours_or_snake_case() -> None:
    offered = ["account_id", "Landing Page", "origin", "AvgStock"]
    chosen = select(offered, ACCOUNTS, {"source": "origin"}, ("Landing Page", "source", "avg_stock", "gone"))
    assert chosen.taken == {
        "account_id": "account_id",
        "landing_page": "Landing Page",
        "source": "origin",
        "avg_stock": "AvgStock",
    }
    assert chosen.missing == {"gone": "gone"}
    assert extra_name("Landing Page", {}) == "landing_page"


@pytest.mark.parametrize(
    ("columns", "extra", "says"),
    [
        ({"acount_name": "Name"}, (), 'did you mean "account_name"'),
        ({}, ("Выручка",), "cannot name a column"),
        ({"sector": "x"}, ("Sector",), "'sector' is taken"),
        ({}, ("a b", "a-b"), "'a_b' is taken"),
        ({"2x": "y"}, ("2x",), "cannot name a column"),
    ],
)
def test_names_that_cannot_be_are_config_errors(
    columns: dict[str, str | None], extra: tuple[str, ...], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        select(["account_id"], ACCOUNTS, columns, extra)


def test_a_closed_table_takes_no_extra_columns() -> None:
    closed = TableSchema("closed", "", ACCOUNTS.columns, open=False)
    with pytest.raises(ConfigError, match="takes no extra"):
        select(["account_id", "x"], closed, {}, ("x",))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("BusinessType", "business_type"),
        ("Größe (m²)", "grosse_m2"),
        ("Nr. Angajați", "nr_angajati"),
        ("  x--y ", "x_y"),
        ("ARR 2024", "arr_2024"),
        ("Выручка", ""),
    ],
)
def test_snake_case(theirs: str, ours: str) -> None:
    assert snake_case(theirs) == ours
