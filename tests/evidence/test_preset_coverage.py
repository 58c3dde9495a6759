"""Which columns of real CRM tables the presets take, as a page; skipped where the column sets are not at hand."""

from __future__ import annotations

import csv
import re
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
`extra_columns` in the source. Dynamics 365 is not among these packages: its preset is written from documented names.

Columns that are read stand as `theirs → ours`; `theirs → (skip)` says which rows are left out. "Left" names what no
preset of that table takes, up to {most} names.
""".replace("{most}", "40")
#: Names of columns that a line lists at most.
MOST = 40

pytestmark = [pytest.mark.evidence, pytest.mark.skipif(not ROOT.is_dir(), reason="no column sets at hand")]


def test_the_page_of_coverage() -> None:
    with (ROOT / "table_columns.csv").open(newline="", encoding="utf-8") as file:
        tables = list(csv.DictReader(file))
    used: dict[str, list[str]] = {}
    for preset, (files, _) in FILES.items():
        for path in _paths(files):
            used.setdefault(path, []).append(preset)
    lines = [INTRO]
    for package, system in PACKAGES.items():
        own = [t for t in tables if t["package"] == package]
        rows = [(t, used.get(f"{package}/{_file(t)}", [])) for t in own]
        read = [(t, presets) for t, presets in rows if presets]
        lines.append(f"\n## {system}: {len(read)} of {len(own)} tables")
        lines += [line for t, presets in read for line in _table(t, presets)]
        rest = sorted(_file(t).removesuffix("_data.csv") for t, presets in rows if not presets)
        lines.append(f"\nNot read: {', '.join(rest) or 'none'}.")
    assert set(used) <= {f"{t['package']}/{_file(t)}" for t in tables}
    EVIDENCE.write_text("\n".join(lines) + "\n")


def _table(table: dict[str, str], references: list[str]) -> list[str]:
    header, left = table["columns"].split("|"), set(table["columns"].split("|"))
    lines = [f"\n### {_file(table).removesuffix('_data.csv')}, {len(header)} columns\n"]
    for reference in references:
        system, _, name = reference.partition(".")
        preset = packaged_preset(system).tables[name]
        if preset.query:
            taken = {c: "" for c in header if re.search(rf"\b{re.escape(c)}\b", preset.query)}
            told = f"its query reads {', '.join(taken)}"
        else:
            found = coverage(preset, header)
            pairs = [(theirs, ours) for ours in found if ours for theirs in found[ours]]
            pairs += [(theirs, "(skip)") for theirs in header if theirs in preset.skip]
            taken = dict(pairs)
            told = ", ".join(f"{theirs} → {ours}" for theirs, ours in pairs)
        assert taken
        left -= set(taken)
        lines.append(f"- `{reference}` → {preset.table}: {told}")
    rest = [c for c in header if c in left]
    more = f" and {len(rest) - MOST} more" if len(rest) > MOST else ""
    return [*lines, f"- Left: {', '.join(rest[:MOST]) or 'nothing'}{more}"]


def _paths(files: str | dict[str, str]) -> list[str]:
    return [files] if isinstance(files, str) else list(files.values())


def _file(table: dict[str, str]) -> str:
    name = table["seed"].rsplit("/", 1)[-1]
    return name if name.endswith(".csv") else f"{name}.csv"
