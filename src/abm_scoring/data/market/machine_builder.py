"""The small scenario: a machine builder with nine customers, four wish accounts, and a pool of prospects.

What a mid-size business has on its first day: too few conversions for a probability, but a clear idea of whom it wants.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd

from abm_scoring.data.market.market import Market, make_market
from abm_scoring.data.market.spec import MarketSpec
from abm_scoring.data.schema import DTYPES, TABLES
from abm_scoring.data.tables import Tables

#: The customer that the machine builder wants, in the words of a configuration's `profile`.
MACHINE_BUILDER_PROFILE: Mapping[str, object] = MappingProxyType(
    {
        "sectors": ("pharma", "biotechnology"),
        "employee_count": 1000,
        "countries": ("AT", "DE", "CH"),
        "values": ("integrity", "forward-looking", "agile"),
    }
)

_END = pd.Timestamp("2026-01-01", tz="UTC")
_VALUES = "agile;forward-looking;integrity"
_PROSPECTS = 200
#: Event types that prospects have: they look around, nobody has talked to them yet.
_LOOKING = ("web_visit", "email_sent", "email_open", "content_download", "form_fill", "webinar", "ad_impression")
_ROLES = ("decision_maker", "influencer", "user", "buyer", "finance", "it")


class _Company(NamedTuple):
    """A hand-written company; `won` is the day its contract was signed, for customers."""

    id: str
    name: str
    sector: str
    employees: float
    country: str
    values: str | None
    parent: str | None = None
    won: str | None = None
    amount: float | None = None


CUSTOMERS = (
    _Company("C01", "Donauwerk Pharma GmbH", "pharma", 1200, "AT", _VALUES, won="2023-09-14", amount=410_000),
    _Company("C02", "Alpen Biologika GmbH", "pharma", 800, "AT", "agile;integrity", won="2024-02-20", amount=265_000),
    _Company("C03", "Steirische Medizintechnik GmbH", "medical_technology", 950, "AT", _VALUES, won="2024-05-07", amount=340_000),
    _Company("C04", "Isar Arzneimittel AG", "pharma", 2400, "DE", "integrity;quality", won="2023-11-30", amount=720_000),
    _Company("C05", "Rheintal Implantate GmbH", "medical_technology", 1100, "DE", _VALUES, won="2024-08-22", amount=380_000),
    _Company("C06", "Nordlicht Pharma GmbH", "pharma", 3500, "DE", "forward-looking;safety", won="2024-11-12", amount=890_000),
    _Company("C07", "Schwarzwald Diagnostik GmbH", "medical_technology", 870, "DE", "agile;quality", won="2025-03-18", amount=295_000),
    _Company("C08", "Great Lakes Therapeutics Inc.", "pharma", 1900, "US", "integrity;agile", won="2024-06-25", amount=610_000),
    _Company("C09", "Bay Colony Devices Inc.", "medical_technology", 1450, "US", _VALUES, won="2025-06-10", amount=520_000),
)  # fmt: skip

#: Wish accounts; of two of them the head office lies overseas and the branch on the list in the DACH countries.
WISHES = (
    _Company("W01", "Rheinland Biotech AG", "biotechnology", 1050, "DE", _VALUES),
    _Company("W02", "Wiener Wirkstoff GmbH", "pharma", 920, "AT", "agile;integrity"),
    _Company("W03", "Pacific Genomics Basel AG", "biotechnology", 640, "CH", _VALUES, parent="H01"),
    _Company("W04", "Liberty Pharma Deutschland GmbH", "pharma", 780, "DE", "forward-looking;integrity", parent="H02"),
)
HEAD_OFFICES = (
    _Company("H01", "Pacific Genomics Inc.", "biotechnology", 5200, "US", _VALUES),
    _Company("H02", "Liberty Pharma Corp.", "pharma", 7400, "US", "quality"),
)


def make_machine_builder(seed: int = 7) -> Market:
    """The scenario's tables; the same seed gives the same tables.

    Nine customers (three AT, four DE, two US; pharma and medical technology), four wish accounts on the target list, two
    head offices overseas, and 200 prospects. First touch to contract took 63 days at the median. The truth is that of
    the market which the prospects are drawn from; hand-written companies have none.
    """
    pool = make_market(MarketSpec(accounts=_PROSPECTS, seed=seed, customers=0.0, partners=0.0, events_per_account=25))
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0x6D62]))
    companies = (*CUSTOMERS, *WISHES, *HEAD_OFFICES)
    own_contacts = _contacts(rng)
    frames = {
        "accounts": _both(pool, "accounts", _accounts(companies), customer_since=pd.NaT, partner_since=pd.NaT),
        "target_list": _typed("target_list", _target_list()),
        "contacts": _both(pool, "contacts", own_contacts),
        "events": _events(pool, rng, own_contacts),
        "opportunities": _typed("opportunities", _opportunities()),
        "invoices": _typed("invoices", _invoices()),
        **{name: pool.tables[name] for name in ("campaigns", "content", "exchange_rates", "anonymous_traffic")},
        "costs": pool.tables["costs"][pool.tables["costs"]["account_id"].isna()].reset_index(drop=True),
    }
    return Market(Tables(frames), pool.truth, MACHINE_BUILDER_PROFILE)


def _both(pool: Market, table: str, own: pd.DataFrame, **blanked: object) -> pd.DataFrame:
    """Rows of the pool, some columns blanked, and the hand-written ones."""
    return pd.concat([_typed(table, pool.tables[table].assign(**blanked)), _typed(table, own)], ignore_index=True)


def _typed(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    schema = TABLES[table]
    columns = [c.name for c in schema.columns]
    full = frame.reindex(columns=columns)
    stamps = {c.name: pd.to_datetime(full[c.name], utc=True) for c in schema.columns if c.type == "timestamp"}
    return full.assign(**stamps).astype({c.name: DTYPES[c.type] for c in schema.columns}).reset_index(drop=True)


def _accounts(companies: tuple[_Company, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "account_id": [c.id for c in companies],
            "account_name": [c.name for c in companies],
            "domain": [f"{c.id.lower()}.example" for c in companies],
            "parent_account_id": [c.parent for c in companies],
            "sector": [c.sector for c in companies],
            "employee_count": [c.employees for c in companies],
            "country": [c.country for c in companies],
            "values": [c.values for c in companies],
            "owner_id": "U001",
            "customer_since": [c.won for c in companies],
            "known_at": "2023-01-02",
        }
    )


def _target_list() -> pd.DataFrame:
    listed = (*WISHES, *CUSTOMERS)
    tier = ["1:1"] * len(WISHES) + ["1:few"] * len(CUSTOMERS)
    return pd.DataFrame({"account_id": [c.id for c in listed], "tier": tier, "from": "2025-10-01"})


def _contacts(rng: np.random.Generator) -> pd.DataFrame:
    """Six roles at each customer, two or three contacts at each wish account."""
    rows = []
    for company in (*CUSTOMERS, *WISHES):
        known = _ROLES if company.won else _ROLES[: int(rng.integers(2, 4))]
        since = pd.Timestamp(company.won or "2025-11-01", tz="UTC") - pd.Timedelta(days=60)
        for i, role in enumerate(known):
            seniority = "c_level" if role == "decision_maker" else "manager"
            rows.append((f"{company.id}-P{i}", company.id, role, seniority, since + pd.Timedelta(days=i)))
    return pd.DataFrame(rows, columns=["contact_id", "account_id", "buying_role", "seniority", "known_at"])


def _opportunities() -> pd.DataFrame:
    won = pd.to_datetime([c.won for c in CUSTOMERS], utc=True)
    return pd.DataFrame(
        {
            "opportunity_id": [f"O-{c.id}" for c in CUSTOMERS],
            "account_id": [c.id for c in CUSTOMERS],
            "created_at": won - pd.Timedelta(days=38),
            "kind": "new",
            "stage": "won",
            "closed_at": won,
            "is_won": True,
            "amount": [c.amount for c in CUSTOMERS],
            "gross_margin": [0.35 * (c.amount or 0) for c in CUSTOMERS],
            "currency": "EUR",
            "contract_months": 24.0,
        }
    )


def _invoices() -> pd.DataFrame:
    won = pd.to_datetime([c.won for c in CUSTOMERS], utc=True)
    return pd.DataFrame(
        {
            "account_id": [c.id for c in CUSTOMERS],
            "invoiced_on": won + pd.Timedelta(days=30),
            "invoice_id": [f"I-{c.id}" for c in CUSTOMERS],
            "amount": [c.amount for c in CUSTOMERS],
            "currency": "EUR",
            "opportunity_id": [f"O-{c.id}" for c in CUSTOMERS],
        }
    )


def _events(pool: Market, rng: np.random.Generator, contacts: pd.DataFrame) -> pd.DataFrame:
    """What prospects look at, the road of each customer to its contract, and the first touches of wish accounts."""
    prospects = pool.tables["events"]
    prospects = prospects[prospects["event_type"].isin(_LOOKING)]
    # First touch to contract: 63 days at the median.
    roads = [("web_visit", 63), ("content_download", 52), ("form_fill", 47), ("meeting", 40), ("meeting", 21)]
    rows = []
    for i, company in enumerate(CUSTOMERS):
        longer = (i - len(CUSTOMERS) // 2) * 3
        for event_type, days in roads:
            ahead = days + longer if days == 63 else days
            rows.append((company.id, event_type, pd.Timestamp(company.won, tz="UTC") - pd.Timedelta(days=ahead)))
    for company in WISHES:
        for _ in range(int(rng.integers(3, 9))):
            rows.append((company.id, "web_visit", _END - pd.Timedelta(minutes=int(rng.integers(1_000, 80_000)))))
    own = pd.DataFrame(rows, columns=["account_id", "event_type", "occurred_at"])
    own["event_id"] = [f"M{i:05d}" for i in range(len(own))]
    first = contacts.drop_duplicates("account_id").set_index("account_id")["contact_id"]
    own["contact_id"] = first.reindex(own["account_id"]).where(own["event_type"] != "web_visit").to_numpy()
    own["channel"] = own["event_type"].map({"web_visit": "organic_search", "meeting": "sales"}).fillna("email")
    own["direction"] = "inbound"
    own["minutes"] = np.where(own["event_type"] == "meeting", 60.0, 4.0)
    return pd.concat([_typed("events", prospects), _typed("events", own)], ignore_index=True)
