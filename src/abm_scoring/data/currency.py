"""Amounts in one currency: converted at the dated rate, never summed across currencies."""

from __future__ import annotations

import pandas as pd

from abm_scoring.data.tables import Tables
from abm_scoring.errors import BadDataError

#: Table → the moment whose rate applies, and the columns of money.
_MONEY = {
    "opportunities": ("created_at", ("amount", "gross_margin")),
    "invoices": ("invoiced_on", ("amount",)),
}


def in_project_currency(tables: Tables, currency: str) -> Tables:
    """The tables with opportunity and invoice amounts in the project's currency.

    An amount is converted at the rate valid when the opportunity was opened or the invoice written, so that a later
    rate never changes an earlier snapshot. Rows without a currency are in the project's.

    Raises:
        BadDataError: Amounts in another currency have no rate for their date.
    """
    converted = {}
    for name, (moment, columns) in _MONEY.items():
        frame = tables[name]
        if name not in tables or "currency" not in frame:
            continue
        foreign = frame["currency"].notna() & (frame["currency"] != currency)
        if foreign.any():
            converted[name] = _convert(frame, foreign, moment, columns, tables["exchange_rates"], name, currency)
    return tables.replace(**converted)


def _convert(
    frame: pd.DataFrame,
    foreign: pd.Series,
    moment: str,
    columns: tuple[str, ...],
    rates: pd.DataFrame,
    name: str,
    currency: str,
) -> pd.DataFrame:
    wanted = frame.loc[foreign, ["currency", moment]].reset_index().sort_values(moment)
    dated = rates[["valid_from", "currency", "rate"]].sort_values("valid_from")
    found = pd.merge_asof(wanted, dated, left_on=moment, right_on="valid_from", by="currency").set_index("index")[
        "rate"
    ]
    if found.isna().any():
        lost = wanted.set_index("index").loc[found[found.isna()].index].iloc[0]
        example = f"{lost['currency']} on {lost[moment]:%Y-%m-%d}"
        raise BadDataError(
            f"{int(found.isna().sum())} amounts have no exchange rate, e.g. {example}",
            where=name,
            fix=f"add a row to exchange_rates that is valid on that day (rate = one unit in {currency})",
        )
    factor = found.reindex(frame.index).fillna(1.0)
    money = {c: frame[c] * factor for c in columns if c in frame}
    return frame.assign(**money, currency=frame["currency"].mask(foreign, currency))
