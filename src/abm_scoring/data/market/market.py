"""The whole market: its tables, its truth, and both as files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from abm_scoring.data.market import vocabulary as words
from abm_scoring.data.market.accounts import accounts_table, experiments_table, target_list_table
from abm_scoring.data.market.contacts import contacts_table, make_contacts
from abm_scoring.data.market.customers import dispositions_table, referrals_table, surveys_table
from abm_scoring.data.market.events import events_table
from abm_scoring.data.market.frames import iso_text
from abm_scoring.data.market.marketing import anonymous_traffic_table, campaigns_table, content_table, costs_table
from abm_scoring.data.market.pipeline import exchange_rates_table, invoices_table, make_book, opportunities_table
from abm_scoring.data.market.process import World
from abm_scoring.data.market.simulation import simulate
from abm_scoring.data.market.spec import MarketSpec
from abm_scoring.data.market.truth import Truth
from abm_scoring.data.schema import TABLES
from abm_scoring.data.tables import Tables

#: Tables written as Parquet; the others as CSV, the format that users know.
BIG_TABLES = ("contacts", "events")

#: What truly fits, in the words of a configuration's `profile`.
PROFILE: Mapping[str, object] = MappingProxyType(
    {
        "sectors": tuple(s.name for s in words.SECTORS[:3]),
        "employee_count": MappingProxyType(dict(zip(("low", "high"), words.FITTING_EMPLOYEES, strict=True))),
        "countries": ("AT", "DE", "CH"),
        "values": words.FITTING_VALUES,
    }
)


@dataclass(frozen=True)
class Market:
    """A market as its business sees it, and as it truly is.

    Attributes:
        tables: Every canonical table.
        truth: States, probabilities, worth and effects behind them.
        profile: The ideal customer profile that truly fits: sectors, employee_count, countries, values.
    """

    tables: Tables
    truth: Truth
    profile: Mapping[str, object]


def make_market(spec: MarketSpec) -> Market:
    """Draws a market; the same spec gives the same tables."""
    world = simulate(spec)
    return Market(tables_of(world), Truth(world), PROFILE)


def tables_of(world: World) -> Tables:
    """Every canonical table of a world, in the order of the schema."""
    book, contacts = make_book(world), make_contacts(world)
    frames = {
        "accounts": accounts_table(world, book),
        "target_list": target_list_table(world),
        "contacts": contacts_table(world, contacts),
        "events": events_table(world, contacts),
        "opportunities": opportunities_table(world, book),
        "invoices": invoices_table(world, book),
        "campaigns": campaigns_table(world),
        "content": content_table(),
        "costs": costs_table(world, book),
        "dispositions": dispositions_table(world),
        "experiments": experiments_table(world),
        "exchange_rates": exchange_rates_table(world),
        "surveys": surveys_table(world, book),
        "referrals": referrals_table(world, book),
        "anonymous_traffic": anonymous_traffic_table(world),
    }
    return Tables({name: frames[name] for name in TABLES})


def write_market(market: Market, folder: Path) -> dict[str, Path]:
    """Writes the tables into a folder and the truth into `truth/` below it.

    Timestamps in CSV are ISO 8601 with the zone written out (`2025-03-01T09:30:00Z`), numbers have a decimal point,
    missing values are empty.

    Returns:
        Path of each table by its name, and those of the truth as `truth/<name>`.
    """
    folder = Path(folder)
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    truth = market.truth
    big = {
        f"truth/{name}": frame for name, frame in (("probability", truth.probabilities()), ("state", truth.states()))
    }
    small = {
        "truth/deal_value": truth.deal_value(),
        "truth/fit": truth.fit(),
        "truth/campaign_effects": truth.campaign_effects(),
    }
    for name in market.tables:
        (big if name in BIG_TABLES else small)[name] = market.tables[name]
    paths = {name: _write_parquet(frame, folder / f"{name}.parquet") for name, frame in big.items()}
    return paths | {name: _write_csv(frame, folder / f"{name}.csv") for name, frame in small.items()}


def _write_parquet(frame: pd.DataFrame, path: Path) -> Path:
    frame.to_parquet(path, index=False, compression="zstd", row_group_size=250_000)
    return path


def _write_csv(frame: pd.DataFrame, path: Path) -> Path:
    times = {str(name): iso_text(frame[name]) for name in frame if isinstance(frame[name].dtype, pd.DatetimeTZDtype)}
    frame.assign(**times).to_csv(path, index=False, lineterminator="\n")
    return path
