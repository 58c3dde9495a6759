"""From a file to a proposed source: what it seems to be, as YAML that a person reads before any run does."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from abm_scoring.data.column_names import mapping_for, table_for
from abm_scoring.data.excel_files import joined_header
from abm_scoring.data.files import file_errors
from abm_scoring.data.normalise.texts import country_code
from abm_scoring.data.order_lines import OrderLines, lines_only, order_lines
from abm_scoring.data.schema import TABLES
from abm_scoring.data.seen import SAMPLE_ROWS, Seen, cell_dialect, look_at, totals_of
from abm_scoring.errors import ConfigError, MissingInputError, UsageError


@dataclass(frozen=True)
class SourceProposal:
    """A proposed source.

    Attributes:
        file: As it was given.
        table: The canonical table that it fits best.
        spec: Keys of the source.
        fit: How well it fits, 0 to 1.
        unused: Columns that are not mapped.
        missing: Required columns that nothing was found for.
        remarks: What was seen, and what a person must decide.
        header, dates, aware: What was seen of its columns and times (see `seen.Seen`).
        countries: Whether it has a column of countries that are names, not codes.
    """

    file: Path
    table: str
    spec: dict[str, Any]
    fit: float
    unused: tuple[str, ...]
    missing: tuple[str, ...]
    remarks: tuple[str, ...]
    header: tuple[str, ...] = ()
    dates: Mapping[str, str] = field(default_factory=dict)
    aware: bool | None = None
    countries: bool = False

    def orders(self) -> OrderLines | None:
        """The whole file as lines of orders; None where it is none, or a workbook."""
        if self.table != "invoices" or self.spec["kind"] not in ("csv", "parquet"):
            return None
        dialect, zone = self.spec.get("dialect", {}), self.spec.get("timezone")
        skip = self.spec.get("skip", {})
        aware = bool(self.aware)
        found = order_lines(self.file, self.spec["path"], self.header, dialect, self.dates, aware, zone, skip)
        return found and replace(found, countries=self.countries and "country" in found.facts)

    def yaml(self, indent: int) -> list[str]:
        """The source as lines of YAML, remarks as comments."""
        pad = " " * indent
        lines = [f"{pad}# {' '.join(r.split())}" for r in self.remarks]
        for name in self.missing:
            lines.append(
                f"{pad}# nothing looks like {name}, which {self.table} needs: add {name}: THEIR_COLUMN to columns"
            )
        lines += [f"{pad}{key}: {flow(value)}" for key, value in self.spec.items()]
        if self.unused:
            lines.append(f"{pad}# not used: {', '.join(' '.join(u.split()) for u in self.unused)}")
        return lines

    def accounts(self) -> list[str] | None:
        """A source of accounts made from the ids that this file names; None where it names none."""
        theirs = self.spec.get("columns", {}).get("account_id", "account_id")
        if self.table not in ("invoices", "events", "opportunities") or self.spec["kind"] not in ("csv", "parquet"):
            return None
        quoted = theirs.replace('"', '""')
        left_out = lines_only(self.spec.get("skip", {}), " AND ")
        dialect = [f"    dialect: {flow(self.spec['dialect'])}"] if "dialect" in self.spec else []
        return [
            "  accounts:",
            "    kind: sql",
            f"    files: {{rows: {flow(self.spec['path'])}}}",
            f'    query: SELECT DISTINCT "{quoted}" AS account_id FROM rows WHERE "{quoted}" IS NOT NULL{left_out}',
            *dialect,
        ]

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        return {
            "file": str(self.file), "table": self.table, "fit": self.fit, "source": self.spec,
            "unused": list(self.unused), "missing": list(self.missing), "remarks": list(self.remarks),
        }  # fmt: skip


def propose(file: Path, folder: Path, timezone: str | None = None) -> SourceProposal:
    """Look at a file and propose a source for it.

    Args:
        file: A .csv, .csv.gz, .xlsx or .parquet file.
        folder: The project's folder, from which the path is written.
        timezone: Zone of times without an offset.

    Raises:
        MissingInputError: There is no such file.
        UsageError: The file is of no kind that can be read.
    """
    if not file.is_file():
        raise MissingInputError("no such file", where=str(file), fix="check the path")
    with file_errors(file):
        kind, options, seen = _look(file)
    header = [h for h in seen.header if h]
    table, fit = table_for(header, file.name)
    columns = mapping_for(table, header)
    spec: dict[str, Any] = {"kind": kind, "path": _path(file, folder), **options}
    named = {ours: theirs for ours, theirs in columns.items() if ours != theirs}
    spec |= {"columns": named} if named else {}
    spec |= {"dialect": seen.dialect} if seen.dialect else {}
    countries = _names_countries(mapping_for("accounts", header).get("country"), seen.cells)
    spec |= {"normalise": {"country": {"kind": "country"}}} if countries and "country" in columns else {}
    remarks = [f"{file.name} looks like {table}: {len(columns)} of {len(header)} columns", *seen.remarks]
    if seen.aware is False:
        spec |= {"timezone": timezone} if timezone else {}
        remarks += [] if timezone else ["times have no zone: add timezone, e.g. timezone: Europe/Berlin"]
    remarks += ["countries are written out: they are read as ISO codes"] if countries else []
    missing = tuple(c for c in TABLES[table].required if c not in columns)
    unused = tuple(h for h in header if h not in columns.values())
    return SourceProposal(
        file, table, spec, fit, unused, missing, tuple(remarks), tuple(header), seen.dates, seen.aware, countries
    )


def _names_countries(column: str | None, cells: pd.DataFrame) -> bool:
    """Whether four fifths of a column's texts are names of countries, and some of them no codes."""
    if column is None or column not in cells:
        return False
    texts = [t for t in cells[column].dropna().unique() if isinstance(t, str) and t.strip()]
    try:
        known = sum(country_code(t) is not None for t in texts)
    except ConfigError:  # the libraries that know countries are not installed
        return False
    return any(len(t.strip()) > 2 for t in texts) and known >= 0.8 * len(texts)


def _look(file: Path) -> tuple[str, dict[str, Any], Seen]:
    if file.name.endswith((".csv", ".csv.gz", ".txt", ".tsv")):
        seen = look_at(file)
        return "csv", {"skip": dict(seen.totals)} if seen.totals else {}, seen
    if file.suffix == ".parquet":
        return "parquet", {}, _look_at_parquet(file)
    if file.suffix == ".xlsx":
        return ("excel", *_look_at_excel(file))
    raise UsageError("is no .csv, .csv.gz, .xlsx or .parquet", where=str(file), fix="export it as one of these")


def _look_at_parquet(file: Path) -> Seen:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(file)
    stamps = [f for f in schema if pa.types.is_timestamp(f.type) or pa.types.is_date(f.type)]
    aware = all(getattr(f.type, "tz", None) for f in stamps) if stamps else None
    return Seen(
        {},
        list(schema.names),
        pd.DataFrame(),
        aware,
        {f.name: "typed" for f in stamps},
        (),
        ("Parquet keeps its own types",),
    )


def _look_at_excel(file: Path) -> tuple[dict[str, Any], Seen]:
    import openpyxl

    book = openpyxl.load_workbook(file, data_only=True)
    page = max(book.worksheets, key=lambda sheet: sheet.max_row * sheet.max_column)
    options: dict[str, Any] = {"sheet": page.title} if len(book.worksheets) > 1 else {}
    rows = [list(r) for r in page.iter_rows(max_row=SAMPLE_ROWS, values_only=True)]
    first = _header_row(rows)
    merged = {r.min_row for r in page.merged_cells.ranges if r.min_row >= first + 1 and r.min_row <= first + 3}
    count = 1 + (
        max((r.max_row for r in page.merged_cells.ranges if r.min_row == first + 1), default=first + 1) - first - 1
    )
    if merged and count == 1:
        count = 2
    header = joined_header(rows[first : first + count])
    options |= {"header_row": first + 1} if first else {}
    options |= {"header_height": count} if count > 1 else {}
    body = [r for r in rows[first + count :] if any(c is not None for c in r)]
    totals, skip = totals_of(header, body)
    texts = pd.DataFrame(body, columns=header)[[h for h in header if h]] if body else pd.DataFrame(columns=header)
    stamps = [c for c in texts if any(hasattr(v, "year") for v in texts[c])]
    only = texts[[c for c in texts if all(v is None or isinstance(v, str) for v in texts[c])]].astype("str")
    dialect, seen = cell_dialect(only)
    remarks = [f"sheet {page.title!r}, header in row {first + 1}", *seen.remarks]
    if count > 1:
        remarks.append(f"the header takes {count} rows with merged cells; names are joined")
    if totals:
        remarks.append(f"rows of totals are left out: {', '.join(map(repr, totals))}")
        options["skip"] = skip
    numeric = [c for c in texts if c not in stamps and any(isinstance(v, int | float) for v in texts[c])]
    remarks += [
        f"{c}: ids are numbers here; zeros in front are lost if there were any"
        for c in numeric
        if mapping_for(table_for(header, file.name)[0], header).get("account_id") == c
    ]
    aware = False if stamps or seen.aware is False else seen.aware
    return options, Seen(dialect, header, texts, aware, seen.dates, seen.numbers, tuple(remarks))


def _header_row(rows: list[list[Any]]) -> int:
    """Position of the first row in which at least half of the widest row's cells are text, all different."""
    width = max((sum(c is not None for c in r) for r in rows), default=0)
    for at, row in enumerate(rows[:20]):
        texts = [c for c in row if isinstance(c, str) and c.strip()]
        if (len(texts) >= max(2, width / 2) and len(set(texts)) == len(texts)) or (len(texts) == width == 1):
            return at
    return 0


def _path(file: Path, folder: Path) -> str:
    relative = os.path.relpath(file.resolve(), folder.resolve())
    return str(file.resolve()) if relative.startswith("..") else Path(relative).as_posix()


def flow(value: Any) -> str:
    """A value as YAML of one line; JSON is YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    plain = (
        isinstance(value, str) and value.replace("_", "").replace("/", "").replace(".", "").replace("-", "").isalnum()
    )
    begins = (
        isinstance(value, str) and value[:1].isalpha() and value.lower() not in ("true", "false", "null", "yes", "no")
    )
    return value if plain and begins else json.dumps(value, ensure_ascii=False)
