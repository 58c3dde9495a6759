"""A run's files as the configuration asks for them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from abm_scoring.publish.outputs import OutputsSpec, Renderings, write_outputs
from abm_scoring.publish.page import PageContent
from abm_scoring.publish.words import Words

LEFT_OUT = pd.DataFrame({"account_id": ["X1"], "status": ["customer"], "reason": ["already a customer"]})
RANKED = pd.DataFrame(
    {"rank": [1], "account_id": ["A1"], "score": [87.46], "mqa_since": [pd.Timestamp("2026-05-01", tz="UTC")]}
)


def written(folder: Path, spec: OutputsSpec) -> list[str]:
    folder.mkdir(exist_ok=True)
    write_outputs(
        folder,
        spec,
        Renderings(
            lambda: [RANKED],
            LEFT_OUT,
            Words("en"),
            page=lambda ranked: PageContent("demo", ranked, Words("en")),
            decimals={"score": 1, "gone": 2},
        ),
    )
    return sorted(path.name for path in folder.iterdir())


def test_writes_what_is_asked_for(tmp_path: Path) -> None:
    assert written(tmp_path / "a", OutputsSpec()) == [
        *("not_scored.csv", "target_accounts.csv", "target_accounts.html", "target_accounts.xlsx")
    ]
    spec = OutputsSpec.model_validate({"formats": ["parquet"], "crm": [{"kind": "hubspot"}, {"kind": "dynamics"}]})
    assert written(tmp_path / "b", spec) == [
        *("dynamics.csv", "dynamics_state.parquet", "hubspot.csv", "hubspot_state.parquet"),
        *("not_scored.csv", "target_accounts.parquet"),
    ]
    assert (spec.main_file, OutputsSpec().main_file) == ("target_accounts.parquet", "target_accounts.csv")


def test_the_csv_is_written_for_the_readers_locale(tmp_path: Path) -> None:
    written(tmp_path, OutputsSpec(formats=("csv",), csv_delimiter=";", csv_decimal=","))
    text = (tmp_path / "target_accounts.csv").read_text(encoding="utf-8-sig")
    assert text == "rank;account_id;score;mqa_since\n1;A1;87,5;2026-05-01\n"


def test_days_are_those_of_the_project_and_moments_stay_moments(tmp_path: Path) -> None:
    late = RANKED.assign(mqa_since=pd.Timestamp("2026-04-30T22:30Z"))
    spec = OutputsSpec.model_validate({"formats": ["csv", "parquet"], "crm": [{"kind": "salesforce"}]})
    write_outputs(
        tmp_path, spec, Renderings(lambda: [late], LEFT_OUT, Words("en"), rejects=LEFT_OUT, timezone="Europe/Berlin")
    )
    assert "2026-05-01" in (tmp_path / "target_accounts.csv").read_text()
    assert "2026-05-01" in (tmp_path / "salesforce.csv").read_text()
    assert pd.read_parquet(tmp_path / "target_accounts.parquet")["mqa_since"].iloc[0] == late["mqa_since"].iloc[0]
    assert (tmp_path / "rejects.csv").exists()


def test_every_file_is_the_same_the_second_time(tmp_path: Path) -> None:
    spec = OutputsSpec.model_validate({"formats": ["csv", "xlsx", "parquet", "page"], "crm": [{"kind": "salesforce"}]})
    for name in written(tmp_path / "a", spec):
        written_again = tmp_path / "b"
        if not written_again.exists():
            written(written_again, spec)
        assert (tmp_path / "a" / name).read_bytes() == (written_again / name).read_bytes(), name


@pytest.mark.parametrize(
    "wrong", [{"formats": ["csv", "csv"]}, {"formats": []}, {"crm": [{"kind": "hubspot"}] * 2}, {"formats": ["pdf"]}]
)
def test_choices_that_make_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        OutputsSpec.model_validate(wrong)


@pytest.mark.parametrize("formats", [["csv", "parquet"], ["csv", "xlsx", "page"]])
def test_a_list_in_pieces_gives_the_files_of_the_whole(tmp_path: Path, formats: list[str]) -> None:
    spec = OutputsSpec.model_validate({"formats": formats, "crm": [{"kind": "hubspot"}]})
    pieces = [RANKED.assign(rank=i, account_id=f"A{i}", score=i / 7) for i in range(1, 6)]
    for folder, given in (("whole", [pd.concat(pieces, ignore_index=True)]), ("pieces", pieces)):
        (tmp_path / folder).mkdir()
        page = partial(PageContent, "demo", words=Words("en"))
        write_outputs(
            tmp_path / folder,
            spec,
            Renderings(lambda given=given: given, LEFT_OUT, Words("en"), page=page),  # type: ignore[misc]
        )
    for file in (tmp_path / "whole").iterdir():
        if file.name != "target_accounts.parquet":  # pieces are row groups of their own
            assert file.read_bytes() == (tmp_path / "pieces" / file.name).read_bytes(), file.name
    if "parquet" in formats:
        a, b = (pd.read_parquet(tmp_path / f / "target_accounts.parquet") for f in ("whole", "pieces"))
        pd.testing.assert_frame_equal(a, b, check_exact=True)
