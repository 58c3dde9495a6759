"""Which columns of real CRM tables the presets take, as a page; skipped where the column sets are not at hand."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from abm_scoring.data.presets import coverage, packaged_preset
from tests.real.test_crm_schemas import FILES, ROOT

EVIDENCE = Path(__file__).parents[2] / "docs" / "evidence" / "preset-coverage.md"
PACKAGES = {"dbt_hubspot": "HubSpot", "dbt_salesforce": "Salesforce", "dbt_marketo": "Marketo", "dbt_pardot": "Pardot"}
INTRO = """# What the presets take of real tables

Column sets of the tables that connectors copy into warehouses, as published with the integration tests of four
open-source packages (Apache-2.0). Written by `make evidence` (tests/evidence/test_preset_coverage.py). A preset takes
what a canonical table has a column for; of a table with hundreds of columns that is a handful. Whatever else you need:
`extra_columns` in the source. A table that two presets read is listed under the last of them.
"""

pytestmark = [pytest.mark.evidence, pytest.mark.skipif(not ROOT.is_dir(), reason="no column sets at hand")]


def test_the_page_of_coverage() -> None:
    with (ROOT / "table_columns.csv").open(newline="", encoding="utf-8") as file:
        tables = list(csv.DictReader(file))
    used = {path: preset for preset, (files, _) in FILES.items() for path in _paths(files)}
    lines = [INTRO]
    for package, system in PACKAGES.items():
        own = [t for t in tables if t["package"] == package]
        rows = [(t, used.get(f"{package}/{_file(t)}")) for t in own]
        read = [(t, preset) for t, preset in rows if preset]
        lines.append(f"\n## {system}: {len(read)} of {len(own)} tables\n")
        lines.append(
            "| table | preset | canonical table | columns taken | of | our columns |\n|---|---|---|---|---|---|"
        )
        lines += [_row(t, preset) for t, preset in read]
        rest = sorted(_file(t).removesuffix("_data.csv") for t, preset in rows if not preset)
        lines.append(f"\nNot read: {', '.join(rest) or 'none'}.")
    assert set(used) <= {f"{t['package']}/{_file(t)}" for t in tables}
    EVIDENCE.write_text("\n".join(lines) + "\n")


def _row(table: dict[str, str], reference: str) -> str:
    system, _, name = reference.partition(".")
    preset = packaged_preset(system).tables[name]
    header = table["columns"].split("|")
    if preset.query:
        taken, ours = [c for c in header if c in preset.query], ["by its query"]
    else:
        found = coverage(preset, header)
        ours = [c for c in found if c]
        taken = sorted({n for c in ours for n in found[c]} | (set(preset.skip) & set(header)))
    assert taken
    shown = _file(table).removesuffix("_data.csv")
    return f"| {shown} | {reference} | {preset.table} | {len(taken)} | {len(header)} | {', '.join(ours)} |"


def _paths(files: str | dict[str, str]) -> list[str]:
    return [files] if isinstance(files, str) else list(files.values())


def _file(table: dict[str, str]) -> str:
    name = table["seed"].rsplit("/", 1)[-1]
    return name if name.endswith(".csv") else f"{name}.csv"
