# ruff: noqa: E501 - exports are wider than code
from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abm_scoring.data.file_sources import CsvSource, ParquetSource
from abm_scoring.data.loading import load_tables
from abm_scoring.data.normalise import texts


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Deutschland", "DE"),
        ("Германия", "DE"),
        ("Elveția", "CH"),
        ("USA", "US"),
        ("DEU", "DE"),
        ("at", "AT"),
        ("Atlantis", None),
    ],
)
def test_countries_in_any_language(text: str, code: str | None) -> None:
    assert texts.country_code(text) == code


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("201-500", "317"),
        ("10,001+", "10001"),
        ("1–10", "3"),
        ("> 1000", "1000"),
        ("51 bis 200 Mitarbeiter", "101"),
        ("5k-10k", "7071"),
        ("n/a", None),
    ],
)
def test_bands_become_their_geometric_middle(text: str, number: str | None) -> None:
    assert texts.band_middle(text) == number


@pytest.mark.parametrize(
    ("text", "sector"),
    [
        ("NACE 21.20", "pharma"),
        ("C28", "machinery"),
        ("NAICS 325412", "pharma"),
        ("SIC 7372", "software"),
        ("Maschinenbau", "machinery"),
        ("Computer Software", "software"),
        ("Фармацевтика", "pharma"),
        ("something else", None),
        ("2834", None),
    ],
)
def test_sectors_by_code_and_word(text: str, sector: str | None) -> None:
    assert texts.sector_of(text) == sector


@pytest.mark.parametrize(
    ("title", "seniority", "role"),
    [
        ("CEO", "c_level", "decision_maker"),
        ("Geschäftsführer", "c_level", "decision_maker"),
        ("Head of Procurement", "director", "buyer"),
        ("Einkaufsleiter", "director", "buyer"),
        ("VP Sales", "director", "influencer"),
        ("Software Developer", "staff", "it"),
        ("Assistant to the CEO", "staff", "gatekeeper"),
        ("Финансовый директор", "director", "finance"),
    ],
)
def test_titles_tell_seniority_and_role(title: str, seniority: str, role: str) -> None:
    assert (texts.seniority_of(title), texts.buying_role_of(title)) == (seniority, role)


def test_a_source_asks_for_it_and_its_own_mapping_goes_first(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "account_id,country,size,industry,about\n1,Österreich,51-200,Pharma,We are sustainable and agile\n2,Elbonia,a lot,x,\n",
        encoding="utf-8",
    )
    source = CsvSource.model_validate(
        {
            "path": "a.csv",
            "columns": {"employee_count": "size", "sector": "industry", "values": "about"},
            "normalise": {
                "country": {"kind": "country"},
                "employee_count": {"kind": "band", "otherwise": "empty"},
                "sector": {"kind": "sector"},
                "values": {"kind": "tags", "dictionary": {"sustainability": ["sustainab"], "agile": ["agil"]}},
            },
            "values": {"sector": {"x": "food"}},
        }
    )
    frame = load_tables({"accounts": source}, tmp_path).tables["accounts"]
    assert frame["country"].tolist() == ["AT", "Elbonia"]
    assert frame["employee_count"].fillna(0).tolist() == [101, 0]
    assert frame["sector"].tolist() == ["pharma", "food"]
    assert frame["values"].fillna("").tolist() == ["agile;sustainability", ""]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())])
def test_every_kind_of_text_in_parquet_is_normalised(tmp_path: Path, kind: pa.DataType) -> None:
    table = pa.table({"account_id": ["1", "2", "3"], "country": pa.array(["Österreich", "x", None]).cast(kind)})
    pq.write_table(table, tmp_path / "a.parquet")
    source = ParquetSource.model_validate(
        {"path": "a.parquet", "normalise": {"country": {"kind": "country"}}, "values": {"country": {"x": "RO"}}}
    )
    frame = load_tables({"accounts": source}, tmp_path).tables["accounts"]
    assert frame["country"].fillna("").tolist() == ["AT", "RO", ""]
