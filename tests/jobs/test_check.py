# ruff: noqa: E501 - exports are wider than code
from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from abm_scoring.data.profiling import findings as profiling
from abm_scoring.data.profiling.findings import findings
from abm_scoring.data.tables import Tables
from abm_scoring.data.violations import RULES
from abm_scoring.jobs import check_report
from tests.jobs.projects import run, run_json
from tests.real.test_crm_schemas import DATA

MAVEN = """
project: {name: maven, currency: USD, as_of: 2018-01-01}
sources:
  accounts:
    kind: csv
    path: maven_crm/accounts.csv.gz
    columns: {account_id: account, founded_year: year_established, annual_revenue: revenue, employee_count: employees, country: office_location, parent_account_id: subsidiary_of}
  content: {kind: csv, path: maven_crm/products.csv.gz, columns: {content_id: product, title: series}}
  opportunities:
    kind: csv
    path: maven_crm/sales_pipeline.csv.gz
    columns: {account_id: account, created_at: engage_date, closed_at: close_date, stage: deal_stage, amount: close_value, content_id: product}
    extra_columns: [content_id]
    dialect: {date_format: "%d-%m-%y"}
    timezone: UTC
"""


@pytest.mark.skipif(not (DATA / "maven_crm").is_dir(), reason=f"no real data at {DATA}")
def test_all_traps_of_maven_are_in_its_report(tmp_path: Path) -> None:
    (tmp_path / "abm.yaml").write_text(MAVEN)
    page = tmp_path / "check.html"
    code, out, err = run("check", tmp_path / "abm.yaml", "--data-root", DATA, "--html", page, "--json")
    assert code == 65, err
    found = json.loads(out)
    assert found["refused"]
    missing = {(v["table"], v["column"], v["rule"]): v["count"] for v in found["violations"]}
    assert missing["opportunities", "account_id", "missing_value"] == 1425
    said = " ".join(f["what"] + f["fix"] for f in found["findings"])
    for trap in ("technolgy", "'GTXPro' is 'GTX Pro'", "Philipines"):
        assert trap in said
    html = page.read_text()
    # What a person reads: sentences, places in files, days and years, no codes.
    for told in (
        "cannot use 1,588 of 8,800 rows of opportunities",
        "sales_pipeline.csv.gz, rows 11, 44",
        "empty where a value is needed",
        "technolgy",
        "GTXPro",
        "All 85 accounts have every fact that counts",
        "1979 to 2017",
    ):
        assert told in html, told
    for code in ("missing_value", "unknown_reference", "T00:00:00", "rows_in"):
        assert code not in html


def test_a_sound_project_is_accepted_with_its_figures(trained_project: Path, tmp_path: Path) -> None:
    proposals = tmp_path / "proposals.csv"
    found = run_json("check", trained_project, "--proposals", proposals)
    assert not found["refused"]
    assert found["accounts"]["n"] == 500
    assert 0 < found["accounts"]["completeness"][1] <= 1
    events = found["profiles"]["events"]
    assert events["join_rates"]["account_id"] == 1
    assert events["lag_days"][0] >= 0
    assert list(pd.read_csv(proposals))[:3] == ["what", "from", "account_id"]
    assert "@" not in json.dumps(found)


def test_every_rule_and_finding_has_words() -> None:
    codes = set(re.findall(r'Finding\(\s*[^,()]+,\s*[^,()]+,\s*"([a-z_]+)"', Path(profiling.__file__).read_text()))
    assert set(RULES) <= set(check_report._RULES)
    assert codes <= set(check_report._KINDS)
    assert len(codes) >= 5


def test_two_countries_are_no_spelling_of_each_other() -> None:
    countries = ["Ireland"] * 30 + ["Iceland", "Irelnad"]
    accounts = pd.DataFrame({"account_id": [str(i) for i in range(32)], "country": pd.Series(countries, dtype="str")})
    found = findings(Tables({"accounts": accounts}), pd.Timestamp("2026-01-01", tz="UTC"))
    assert [f.what for f in found if f.code == "spelling"] == ["'Irelnad' looks like 'Ireland'"]


def test_a_week_ends_with_the_day_before_the_check() -> None:
    days = pd.date_range("2025-10-01", periods=92, tz="UTC").repeat(5)
    events = pd.DataFrame({"account_id": "A", "event_type": "visit", "occurred_at": days[days < "2025-12-25"]})
    found = findings(Tables({"events": events}), pd.Timestamp("2026-01-01", tz="UTC"))
    assert [f.what for f in found if f.code == "drop"] == ["0 rows in the week from 2025-12-25, usually 35"]
