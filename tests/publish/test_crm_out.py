"""CRM files: their names, only what changed, and a chain of days that always ends where the list stands."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from abm_scoring.publish.crm_out import (
    NOTHING,
    CrmFile,
    Dynamics,
    HubSpot,
    Salesforce,
    crm_rows,
    crm_state,
    read_crm_state,
    write_crm,
)
from tests.publish.lists import make_list

SALESFORCE = Salesforce(kind="salesforce")
DECIMALS = {"score": 1, "expected_value": 0}


def ranked(**scores: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "account_id": pd.Series(list(scores), dtype="str"),
            "score": pd.Series(list(scores.values()), dtype="float64"),
            "grade": pd.Series(["A"] * len(scores), dtype="str"),
            "mqa_since": pd.to_datetime(["2026-05-01"] * len(scores), utc=True),
            "reason_1": pd.Series([None] * len(scores), dtype="str"),
        }
    )


def rows(now: pd.DataFrame, before: pd.DataFrame | None, spec: CrmFile = SALESFORCE) -> pd.DataFrame:
    state = crm_state(now, spec, DECIMALS)
    return crm_rows(state, None if before is None else crm_state(before, spec, DECIMALS), spec)


def test_has_the_names_of_the_crm_in_their_order(tmp_path: Path) -> None:
    published, _ = make_list(3)
    for spec, head in (
        (
            SALESFORCE,
            "Id,ABM_Score__c,ABM_Grade__c,ABM_Tier__c,ABM_MQA_Status__c,ABM_MQA_Since__c,ABM_Expected_Value__c",
        ),
        (HubSpot(kind="hubspot"), "Record ID,abm_score,abm_grade,abm_tier,abm_mqa_status,abm_mqa_since"),
        (Dynamics(kind="dynamics"), "accountnumber,abm_score,abm_grade,abm_tier,abm_mqa_status,abm_mqa_since"),
    ):
        write_crm(published, tmp_path, spec, decimals=DECIMALS)
        data = (tmp_path / f"{spec.kind}.csv").read_bytes()
        assert data.startswith(head.encode()), "no byte order mark: Data Loader reads it as part of the first name"
        lines = data.decode().splitlines()
        assert len(lines) == 4 and lines[0].endswith(spec.listed) and lines[1].endswith(f",{spec.yes}")
        assert f"{published['score'].iloc[0]:.1f}" in lines[1]


def test_only_changes_are_written() -> None:
    found = rows(ranked(a=90.04, b=80.0, c=70.0, d=1.0), ranked(a=90.01, b=79.0, x=5.0, c=70.0, w=6.0))
    assert found["Id"].tolist() == ["b", "d", "w", "x"]
    assert found["ABM_Listed__c"].tolist() == ["true", "true", "false", "false"]
    assert found["ABM_Score__c"].tolist()[:2] == [80.0, 1.0] and found["ABM_Score__c"].isna().tolist()[2:] == [
        True,
        True,
    ]


def test_nothing_changed_gives_a_file_with_its_heading_only(tmp_path: Path) -> None:
    same = ranked(a=90.0)
    write_crm(same, tmp_path, SALESFORCE, previous=crm_state(same, SALESFORCE, {}))
    assert (tmp_path / "salesforce.csv").read_text().splitlines() == [
        "Id,ABM_Score__c,ABM_Grade__c,ABM_MQA_Since__c,ABM_Reason_1__c,ABM_Listed__c"
    ]


def test_all_rows_where_the_project_wants_them_or_the_fields_changed() -> None:
    now = ranked(a=90.0, b=80.0)
    everything = Salesforce(kind="salesforce", rows="all")
    assert rows(now, now, everything)["Id"].tolist() == ["a", "b"]
    other = crm_state(now.drop(columns="grade"), SALESFORCE, {})
    assert crm_rows(crm_state(now, SALESFORCE, {}), other, SALESFORCE)["Id"].tolist() == ["a", "b"]


def test_a_run_is_compared_with_what_the_run_before_wrote(tmp_path: Path) -> None:
    folders = [tmp_path / day for day in ("monday", "tuesday")]
    for folder, scores, before in zip(
        folders, ({"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 3.0}), (None, folders[0]), strict=True
    ):
        folder.mkdir()
        write_crm(ranked(**scores), folder, SALESFORCE, previous=read_crm_state(before, SALESFORCE), decimals=DECIMALS)
    assert len((folders[0] / "salesforce.csv").read_text().splitlines()) == 3
    assert [line.split(",")[0] for line in (folders[1] / "salesforce.csv").read_text().splitlines()] == ["Id", "b"]
    assert read_crm_state(tmp_path, SALESFORCE) is None


lists = st.dictionaries(
    st.sampled_from("abcdef"),
    st.tuples(st.sampled_from([1.0, 2.0, 3.0]), st.sampled_from([None, "", "it"])),
    max_size=6,
)


@given(st.lists(lists, min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_importing_every_file_leaves_the_crm_as_the_last_list(days: list[dict[str, tuple[float, str | None]]]) -> None:
    """A CRM that skips empty cells and is given each day's file holds exactly the last list."""
    crm: dict[str, dict[str, object]] = {}
    before: pd.DataFrame | None = None
    for day in days:
        now = ranked(**{account: score for account, (score, _) in day.items()})
        now["roles_missing"] = pd.Series([roles for _, roles in day.values()], dtype="str")
        state = crm_state(now, SALESFORCE, DECIMALS)
        for record in crm_rows(state, before, SALESFORCE).to_dict("records"):
            filled = {str(k): v for k, v in record.items() if pd.notna(v) and v != ""}
            crm.setdefault(str(record["Id"]), {}).update(filled)
        before = state
    listed = {
        account: (record["ABM_Score__c"], record["ABM_Roles_Missing__c"])
        for account, record in crm.items()
        if record["ABM_Listed__c"] == "true"
    }
    assert listed == {account: (score, roles or NOTHING) for account, (score, roles) in days[-1].items()}


@pytest.mark.parametrize(
    ("columns", "wrong"),
    [
        ({"score": "S"}, "account_id is missing"),
        ({"account_id": "Id", "score": "Id"}, "two columns have the same field"),
    ],
)
def test_a_mapping_that_cannot_work(columns: dict[str, str], wrong: str) -> None:
    with pytest.raises(ValidationError, match=wrong):
        Salesforce(kind="salesforce", columns=columns)


def test_whole_numbers_stay_whole_beside_rows_that_left(tmp_path: Path) -> None:
    spec = HubSpot(kind="hubspot", columns={"account_id": "Record ID", "rank": "abm_rank"})
    before = crm_state(ranked(a=1.0, x=2.0).assign(rank=[1, 2]), spec, {})
    write_crm(ranked(a=1.0).assign(rank=[3]), tmp_path, spec, previous=before)
    assert (tmp_path / "hubspot.csv").read_text() == "Record ID,abm_rank,abm_listed\na,3,true\nx,,false\n"
