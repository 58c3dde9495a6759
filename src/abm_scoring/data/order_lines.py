"""A file of invoice or order lines and nothing else → proposed accounts, order events and invoices, as queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from abm_scoring.data.column_names import mapping_for, named_as
from abm_scoring.data.dialect import Dialect
from abm_scoring.data.sql_queries import run_query

_QUANTITY = "quantity|qty|units|menge|anzahl|stück|количество|кол-во|cantitate|cant"
_PRICE = "unit price|unitprice|price|price per unit|item price|einzelpreis|stückpreis|preis|цена|pret|pret unitar"
#: Facts of a customer that such files carry on every line.
_FACTS = ("account_name", "country", "region", "sector", "owner_id")
_MAX_BYTES = 2 * 2**30


@dataclass(frozen=True)
class OrderLines:
    """What a file of orders holds, in SQL over a view `lines`.

    Attributes:
        path: As it stands in the configuration.
        dialect: How a CSV file is written; nothing for Parquet.
        timezone: Zone of its times; None where they carry an offset.
        account, moment: Expressions.
        order: Expression of the order's id; None where there is none.
        amount: Expression of a line's amount; None where there is none.
        facts: Our column of accounts → expression.
        currency: Expression of a line's currency; None where there is none.
        skip: Their column → texts of rows that are no lines, such as totals.
        countries: Whether their countries are names, to be read as codes.
        remarks: What was seen.
        newest: Day of the newest line, in the file's own clock.
    """

    path: str
    dialect: Mapping[str, Any]
    timezone: str | None
    account: str
    moment: str
    order: str | None
    amount: str | None
    facts: Mapping[str, str]
    currency: str | None = None
    skip: Mapping[str, Sequence[str]] = field(default_factory=dict)
    countries: bool = False
    remarks: tuple[str, ...] = field(default=())
    newest: date | None = None

    def accounts(self) -> str:
        """One row a customer, known since the first line that names it."""
        facts = [f"arg_min({sql}, {self.moment}) AS {ours}" for ours, sql in self.facts.items()]
        columns = [f"{self.account} AS account_id", *facts, f"min({self.moment}) AS known_at"]
        return self._query(columns, "1")

    def events(self) -> str:
        """One event an order; what comes to less than nothing is a return."""
        kind = f"CASE WHEN sum({self.amount}) < 0 THEN 'return' ELSE 'order' END" if self.amount else "'order'"
        return self._query([*self._of_order("event_id", "occurred_at"), f"{kind} AS event_type", *self._sum("value")])

    def invoices(self) -> str:
        """One invoice an order."""
        money = [f"{self.currency} AS currency"] if self.currency else []
        columns = [*self._of_order("invoice_id", "invoiced_on"), *self._sum("amount"), *money]
        return self._query(columns, also=self.currency)

    def _of_order(self, key: str, time: str) -> list[str]:
        named = [f"{self.order} AS {key}"] if self.order else []
        return [f"{self.account} AS account_id", f"min({self.moment}) AS {time}", *named]

    def _sum(self, name: str) -> list[str]:
        return [f"sum({self.amount}) AS {name}"] if self.amount else []

    def _query(self, columns: Sequence[str], group: str = "", also: str | None = None) -> str:
        by = group or f"{self.account}, {self.order or self.moment}{f', {also}' if also else ''}"
        chosen = ",\n       ".join(columns)
        only = f"{self.account} IS NOT NULL{lines_only(self.skip, ' AND ')}"
        return f"SELECT {chosen}\nFROM lines WHERE {only} GROUP BY {by}"


def lines_only(skip: Mapping[str, Sequence[str]], begin: str) -> str:
    """A condition in SQL that leaves out rows of totals; nothing where there are none."""
    told = (f"coalesce({_quoted(c)}, '') NOT IN ({', '.join(map(_text, v))})" for c, v in skip.items())
    condition = " AND ".join(told)
    return f"{begin}{condition}" if condition else ""


def order_lines(
    file: Path,
    path: str,
    header: Sequence[str],
    dialect: Mapping[str, Any],
    dates: Mapping[str, str],
    aware: bool,
    zone: str | None,
    skip: Mapping[str, Sequence[str]] | None = None,
) -> OrderLines | None:
    """Look through the whole of a .csv, .csv.gz or .parquet file of invoices; None where a customer or day is missing.

    Args:
        file: The file.
        path: How the configuration will name it.
        header: Its columns.
        dialect: Its dialect, as proposed.
        dates: Its columns of times: `typed`, `ISO 8601` or a strptime format.
        aware: Whether its times carry an offset.
        zone: Zone of its times; None where nobody said.
        skip: Their column → texts of rows that are no lines.
    """
    named = mapping_for("invoices", header)
    if not {"account_id", "invoiced_on"} <= set(named):
        return None
    text = not file.name.endswith(".parquet")
    moment = _moment(named["invoiced_on"], dates.get(named["invoiced_on"], "ISO 8601"), aware)
    known = mapping_for("accounts", header)
    facts = {f: _quoted(known[f]) for f in _FACTS if f in known and known[f] not in named.values()}
    amount, told = _amount(header, named, dialect, text)
    types = {} if text else _types(file)
    account = _id(named["account_id"], types)
    order = _id(named["invoice_id"], types) if "invoice_id" in named else None
    currency = _quoted(named["currency"]) if "currency" in named and text else None
    lines = OrderLines(
        path, dialect, None if aware else zone, account, moment, order, amount, facts, currency, skip or {}
    )
    counted, newest = _counted(lines, file)
    return OrderLines(**{**vars(lines), "remarks": (*told, *counted), "newest": newest})


def _amount(
    header: Sequence[str], named: Mapping[str, str], dialect: Mapping[str, Any], text: bool
) -> tuple[str | None, list[str]]:
    quantity, price = named_as(_QUANTITY, header), named_as(_PRICE, header)
    if quantity and price:
        told = f"the amount of a line is {quantity} × {price}"
        plain = {key: value for key, value in dialect.items() if key != "currency_sign"}
        return f"{_number(quantity, plain, text)} * {_number(price, dialect, text)}", [told]
    if "amount" in named:
        return _number(named["amount"], dialect, text), []
    return None, ["no column looks like an amount: orders have no value"]


def _counted(lines: OrderLines, file: Path) -> tuple[list[str], date | None]:
    """What the whole file says of its lines, in words."""
    order, amount = lines.order or "NULL", lines.amount or "NULL"
    query = f"""SELECT count(*) AS n, count({lines.account}) AS named, count(DISTINCT {lines.account}) AS accounts,
        count(DISTINCT {order}) FILTER ({lines.account} IS NOT NULL) AS orders,
        count(*) FILTER ({amount} < 0) AS negative, CAST(max({lines.moment}) AS DATE) AS newest
        FROM lines{lines_only(lines.skip, " WHERE ")}"""
    found = run_query(query, {"lines": [file]}, None, Dialect(**lines.dialect), _MAX_BYTES).to_pylist()[0]
    n = max(found["n"], 1)
    told = [f"{found['n']} lines of {found['accounts']} customers"]
    if found["orders"] and found["orders"] < found["named"]:
        told.append(f"several lines make one invoice: they are added up to {found['orders']} invoices")
    if found["named"] < found["n"]:
        lost = found["n"] - found["named"]
        told.append(f"{lost} lines ({lost / n:.1%}) name no customer and are left out")
    if found["negative"]:
        told.append(f"{found['negative']} lines are below zero: an order that comes to less than nothing is a return")
    return told, found["newest"]


def _moment(column: str, form: str, aware: bool) -> str:
    if form == "typed":
        return _quoted(column)
    if form == "ISO 8601":
        return f"CAST({_quoted(column)} AS {'TIMESTAMPTZ' if aware else 'TIMESTAMP'})"
    return f"strptime({_quoted(column)}, '{form}')"


def _id(column: str, types: Mapping[str, str]) -> str:
    """An id as text; one that became a decimal because some rows have none loses its `.0`."""
    kind, quoted = types.get(column, "text"), _quoted(column)
    if kind == "text":
        return quoted
    return f"CAST(CAST({quoted} AS BIGINT) AS VARCHAR)" if kind == "decimal" else f"CAST({quoted} AS VARCHAR)"


def _types(file: Path) -> dict[str, str]:
    """Columns of a Parquet file: `text`, `decimal` or `other`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def kind(type_: pa.DataType) -> str:
        if pa.types.is_string(type_) or pa.types.is_large_string(type_):
            return "text"
        return "decimal" if pa.types.is_floating(type_) else "other"

    return {f.name: kind(f.type) for f in pq.read_schema(file)}


def _number(column: str, dialect: Mapping[str, Any], text: bool) -> str:
    if not text:
        return _quoted(column)
    plain, spec = _quoted(column), Dialect(**dialect)
    if spec.currency_sign:
        plain = f"trim(replace({plain}, {_text(spec.currency_sign)}, ''), ' \u00a0\u202f')"
    if spec.thousands in (" ", "'"):  # both are written with several signs
        plain = f"regexp_replace({plain}, {_text(str(spec.thousands_pattern))}, '', 'g')"
    elif spec.thousands:
        plain = f"replace({plain}, '{spec.thousands}', '')"
    if dialect.get("decimal", ".") != ".":
        plain = f"replace({plain}, '{dialect['decimal']}', '.')"
    return f"CAST({plain} AS DOUBLE)"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def next_day(newest: date | None) -> date | None:
    """The first day that sees the newest row; None without one."""
    return None if newest is None or pd.isna(newest) else newest + timedelta(days=1)
