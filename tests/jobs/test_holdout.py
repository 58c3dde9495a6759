"""Withheld accounts: scored, frozen, and on no list."""

from __future__ import annotations

import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.data.families import families
from abm_scoring.data.tables import Tables
from abm_scoring.jobs.decisions import NOT_SCORED, RANKED, WITHHELD, decide_run
from abm_scoring.publish.runs import read_manifest
from abm_scoring.ranking.holdout import HoldoutSpec
from abm_scoring.ranking.ranking import ScoringSpec
from tests.jobs.nights import frozen, score_on, scoring_folder

HOLDOUT = ["scoring.holdout.share=0.2"]
NIGHT = pd.Timestamp("2026-03-01", tz="UTC")


@pytest.fixture(scope="module")
def runs(trained_project: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    out = scoring_folder(trained_project, tmp_path_factory.mktemp("holdout") / "out")
    files = "outputs.formats=[csv, xlsx, page]"  # the workbook and the page are looked at once
    first = score_on(trained_project, out, "2025-11-10", [*HOLDOUT, files])
    second = score_on(trained_project, out, "2025-12-10", ["scoring.holdout.share=0.4"])
    without = score_on(trained_project, out, "2025-12-20")
    again = score_on(trained_project, out, "2025-12-30", HOLDOUT)
    return [first, second, without, again]


def published(run: dict[str, Any]) -> str:
    """Everything of a run but what is frozen."""
    files = [p for p in Path(run["run"]).iterdir() if p.suffix != ".parquet"]
    books = [zipfile.ZipFile(p) for p in files if p.suffix == ".xlsx"]
    inside = [book.read(name).decode("utf-8") for book in books for name in book.namelist()]
    return "".join([*inside, *(p.read_text(encoding="utf-8") for p in files if p.suffix != ".xlsx")])


def test_withheld_accounts_stand_in_no_published_file(runs: list[dict[str, Any]]) -> None:
    for run in (runs[0], runs[1], runs[3]):
        rows = frozen(run)
        withheld = rows.loc[rows["list"] == WITHHELD, "account_id"]
        assert len(withheld) == run["n_withheld"] == read_manifest(Path(run["run"])).counts.withheld > 5
        text = published(run)
        assert not [account for account in withheld if account in text]
        moves = frozen(run, "mqa_transitions")
        # Who became an MQA while there was no holdout, ends as one when it is withheld again.
        ending = {"expired", "none"} if run is runs[3] else set()
        assert set(moves.loc[moves["account_id"].isin(withheld), "to"]) <= ending


def test_withheld_accounts_are_frozen_with_their_score(runs: list[dict[str, Any]]) -> None:
    rows = frozen(runs[0])
    withheld = rows[rows["list"] == WITHHELD]
    assert withheld[["raw_score", "score", "probability"]].notna().all().all()
    assert withheld[["rank", "tier"]].isna().all().all() and (withheld["arm"] == "withheld").all()
    assert (withheld["mqa_status"] == "none").all()


def test_families_are_withheld_as_a_whole_and_in_the_stated_share(
    trained_project: Path, runs: list[dict[str, Any]]
) -> None:
    arms = frozen(runs[0], "holdout")
    accounts = pd.read_csv(trained_project.parent / "data" / "accounts.csv", dtype=str)
    family = families(accounts)
    assert (arms.groupby(arms["account_id"].map(family))["arm"].nunique() == 1).all()
    per_family = arms.drop_duplicates("family_id")
    share = (per_family["arm"] == "withheld").mean()
    assert share == pytest.approx(0.2, abs=0.06)  # to within one family in each of ten strata


def test_an_arm_once_given_is_kept_along_the_chain(runs: list[dict[str, Any]]) -> None:
    arms = [frozen(run, "holdout").set_index("account_id")["arm"] for run in runs]
    for earlier, later in pairwise(arms):
        assert (later.reindex(earlier.index) == earlier).all()
    assert len(arms[1]) > len(arms[0])


def test_without_a_holdout_everybody_is_listed_and_the_arms_are_carried_on(runs: list[dict[str, Any]]) -> None:
    without = runs[2]
    assert without["n_withheld"] == 0 and without["holdout"] is None
    assert set(frozen(without)["list"]) == {RANKED, NOT_SCORED}


def test_what_it_can_detect_is_told_once_and_stands_in_every_manifest(runs: list[dict[str, Any]]) -> None:
    told = [[w for w in run["warnings"] if w.startswith("holdout:")] for run in runs]
    assert [len(t) for t in told] == [1, 0, 0, 0]
    assert "can be detected" in told[0][0]
    for run in (runs[0], runs[1]):
        plan = run["holdout"]
        assert plan == read_manifest(Path(run["run"])).holdout.model_dump(mode="json")  # type: ignore[union-attr]
        assert 0 < plan["withheld"] < plan["families"] and plan["detectable_lift"] > 0


SCORED = st.lists(
    st.tuples(st.sampled_from(["eligible", "eligible", "customer", "no_data"]), st.integers(-3, 3), st.integers(0, 5)),
    min_size=1,
    max_size=25,
)


@settings(max_examples=15, deadline=None)
@given(SCORED, st.sampled_from([None, 0.1, 0.5]), st.sampled_from(["apart", "together"]))
def test_every_account_is_in_exactly_one_of_ranked_withheld_and_not_scored(
    rows: list[tuple[str, int, int]], share: float | None, together: Any
) -> None:
    ids = [f"{i:02d}" for i in range(len(rows))]
    status, raw, parent = zip(*rows, strict=True)
    scored = pd.DataFrame({"account_id": ids, "status": status, "raw_score": [float(r) for r in raw]})
    eligible = scored["status"] == "eligible"
    scored["raw_score"] = scored["raw_score"].where(eligible)
    scored["score"] = scored["raw_score"] * 10 + 50
    scored["probability"] = (scored["raw_score"] + 4) / 100
    scored = scored.astype({"account_id": "str", "status": "str"})
    parents = [ids[p] if p < i else None for i, p in enumerate(parent)]
    tables = Tables({"accounts": pd.DataFrame({"account_id": ids, "parent_account_id": parents}).astype("str")})
    spec = ScoringSpec(families=together, holdout=HoldoutSpec(share=share) if share else None)
    found = decide_run(scored, tables, spec, [], NIGHT)
    ranked, withheld, left_out = (
        set(found.rows.loc[found.rows["list"] == ended, "account_id"]) for ended in (RANKED, WITHHELD, NOT_SCORED)
    )
    assert sorted([*ranked, *left_out, *withheld]) == ids
    assert ranked | withheld == set(scored.loc[eligible, "account_id"])
    counts = (found.n_ranked, found.n_withheld, found.n_not_scored)
    assert counts == (len(ranked), len(withheld), len(left_out)) and found.rows["account_id"].tolist() == ids
    assert share is not None or not withheld
    assert sorted(found.rows["rank"].dropna()) == list(range(1, len(ranked) + 1))
