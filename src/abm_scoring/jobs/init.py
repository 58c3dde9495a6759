"""Init and the templates behind it: a commented configuration to start from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from importlib import resources
from pathlib import Path

from abm_scoring.data.order_lines import OrderLines, next_day
from abm_scoring.data.proposal import SourceProposal, flow, propose
from abm_scoring.errors import BadDataError, OutputError, UsageError

FILE_NAME = "abm.yaml"
#: Data whose newest row is older do not grow any more.
STALE = timedelta(days=45)
_SOURCES = re.compile(r"^# Your tables\..*?(?=^# Whom the list)", flags=re.MULTILINE | re.DOTALL)


def init(
    folder: Path,
    name: str,
    files: Sequence[Path] = (),
    timezone: str | None = None,
    today: date | None = None,
    currency: str | None = None,
) -> tuple[Path, list[SourceProposal]]:
    """Write `abm.yaml` into a folder, which is created where it does not exist.

    Args:
        folder: The project's folder.
        name: The project's name.
        files: Exports to propose sources for; each is looked at, and nothing is guessed later.
        timezone: Zone of times without an offset, and of the project.
        today: A file of orders that ended more than `STALE` before it makes a project that stands on its last day.
        currency: Of all amounts, ISO 4217.

    Returns:
        Path of the configuration, and what was proposed for each file.

    Raises:
        UsageError: The name cannot name a project, or the currency is no code.
        OutputError: There is an `abm.yaml` already; it is not touched.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise UsageError(f"{name!r} cannot name a project", fix="use a-z, 0-9, - and _")
    if currency is not None and not re.fullmatch(r"[A-Z]{3}", currency):
        raise UsageError(f"{currency!r} is no currency", fix="use its three letters, e.g. EUR")
    path = folder / FILE_NAME
    if path.exists():
        raise _exists(path)
    proposals = [propose(file, folder, timezone) for file in files]
    folder.mkdir(parents=True, exist_ok=True)
    orders, told = _orders(proposals)
    proposals = [replace(p, remarks=(*p.remarks, *told)) if p.table == "invoices" else p for p in proposals]
    template = _template("starter" if orders is None else "customers")
    text = _SOURCES.sub(lambda _: _sources(proposals, orders) + "\n", template) if proposals else template
    zone = f"timezone: {timezone or 'Europe/Berlin'}\n"
    text = text.replace("timezone: Europe/Berlin\n", zone + _stand(orders, today), 1)
    text = re.sub(r"currency: EUR.*", f"currency: {currency}", text, count=1) if currency else text
    return _write(path, text.replace("PROJECT_NAME", name)), proposals


def _orders(proposals: Sequence[SourceProposal]) -> tuple[OrderLines | None, tuple[str, ...]]:
    """The lines of orders that a project without deals stands on, those of its only file of invoices; and remarks."""
    tables = [p.table for p in proposals]
    if tables.count("invoices") != 1 or "opportunities" in tables:
        return None, ()
    proposal = proposals[tables.index("invoices")]
    if proposal.spec["kind"] == "excel":
        return None, ("save this sheet as CSV, and init makes orders and customers of it",)
    try:
        found = proposal.orders()
    except BadDataError as error:
        return None, (f"no orders and customers can be made of it: {error}",)
    return found, found.remarks if found else ()


def _stand(orders: OrderLines | None, today: date | None) -> str:
    day = next_day(orders.newest) if orders else None
    if day is None or today is None or day > today - STALE:
        return ""
    return f"  as_of: {day}   # the day after the newest order; take the line out for data that keep growing\n"


def _sources(proposals: Sequence[SourceProposal], orders: OrderLines | None) -> str:
    """The section `sources`; where two files make one table, they are stacked."""
    lines = [
        "# Proposed from your files: read every line before you trust it. All columns: docs/reference/tables.md",
        "sources:",
    ]
    tables = dict.fromkeys(p.table for p in proposals)
    for table in tables:
        own = [p for p in proposals if p.table == table]
        if table == "invoices" and orders is not None:
            lines += [f"  # {' '.join(r.split())}" for r in own[0].remarks]
            lines += _query("invoices", orders.invoices(), orders)
        else:
            lines += _table(table, own)
    made = {} if orders is None else {"events": orders.events(), "accounts": orders.accounts()}
    for table, query in made.items():
        lines += _query(table, query, orders) if table not in tables and orders else []
    if "accounts" not in (tables | made):
        derived = next((p.accounts() for p in proposals if p.accounts()), None)
        lines += (
            ["  # There is no table of accounts: this one makes them from the ids that the other one names.", *derived]
            if derived
            else []
        )
    return "\n".join(lines) + "\n"


def _table(table: str, own: Sequence[SourceProposal]) -> list[str]:
    if len(own) == 1:
        return [f"  {table}:", *own[0].yaml(4)]
    lines = [f"  {table}:", "    kind: stack", "    parts:"]
    for proposal in own:
        told = [line for line in proposal.yaml(8) if line.strip().startswith("#")]
        first, *rest = [line for line in proposal.yaml(8) if not line.strip().startswith("#")]
        lines += [*told, f"      - {first.strip()}", *rest]
    return lines


_MADE = {
    "accounts": "There is no table of accounts: this one has the customers that the lines name.",
    "events": "Each order is something that a customer did, so that a model can look at it.",
    "invoices": "What was billed.",
}


def _query(table: str, query: str, orders: OrderLines) -> list[str]:
    """A source made of the lines of orders."""
    dialect = [f"    dialect: {flow(dict(orders.dialect))}"] if orders.dialect else []
    zone = [f"    timezone: {orders.timezone}"] if orders.timezone else []
    codes = ["    normalise: {country: {kind: country}}"] if table == "accounts" and orders.countries else []
    return [
        f"  # {_MADE[table]}",
        f"  {table}:",
        "    kind: sql",
        f"    files: {{lines: {flow(orders.path)}}}",
        "    query: |",
        *(f"      {line}" for line in query.splitlines()),
        *dialect,
        *zone,
        *codes,
    ]


def write_template(template: str, path: Path, name: str) -> Path:
    """Write a template of this package as a new file, with the project's name in it.

    Raises:
        OutputError: The file exists.
    """
    return _write(path, _template(template).replace("PROJECT_NAME", name))


def _template(template: str) -> str:
    return (resources.files("abm_scoring.jobs") / "templates" / f"{template}.yaml").read_text(encoding="utf-8")


def _write(path: Path, text: str) -> Path:
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise _exists(path) from None
    return path


def _exists(path: Path) -> OutputError:
    return OutputError("exists already", where=str(path), fix="move it away, or choose another folder")
