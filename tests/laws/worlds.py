"""Small random worlds for the laws: every table, with ties, late facts, versions, gaps and moments at as_of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import get_args

import numpy as np
import pandas as pd

from abm_scoring.data.schema import DTYPES, TABLES
from abm_scoring.data.tables import Tables
from abm_scoring.features.build import resolve
from abm_scoring.features.buying_group import BuyingGroupSpec
from abm_scoring.features.category_rates import CategoryRatesSpec
from abm_scoring.features.columns import ColumnsSpec
from abm_scoring.features.engagement import EngagementSpec
from abm_scoring.features.families import FeatureSpec
from abm_scoring.features.family_tree import FamilySpec
from abm_scoring.features.firmographics import FirmographicsSpec
from abm_scoring.features.history import History
from abm_scoring.features.measures import Measure
from abm_scoring.features.peers import PeersSpec
from abm_scoring.features.pipeline import PipelineSpec
from abm_scoring.features.profile import ProfileSpec
from abm_scoring.features.value_fit import ValueFitSpec

EPOCH = pd.Timestamp("2025-01-01", tz="UTC")
HOUR = pd.Timedelta(hours=1)

#: Every feature family; a new one is put under all laws by adding it here.
FAMILIES: dict[str, FeatureSpec] = {
    "firmographics": FirmographicsSpec(),
    "value_fit": ValueFitSpec(kind="value_fit"),
    "engagement": EngagementSpec(
        windows_days=(1, 7, 30),
        event_types=("web_visit", "email_sent", "meeting"),
        measures=get_args(Measure),
        measures_by_type=(
            "count",
            "minutes",
            "value_max",
            "contacts",
            "active_days",
            "gap_mean",
            "recency",
            "momentum",
        ),
        measures_by_channel=("count", "share", "minutes_mean", "recency"),
        measures_by_stage=("share", "decayed"),
        measures_by_campaign=("count", "contacts"),
        measures_by_seniority=("count", "share", "burst"),
        momentum_days=(7, 30),
        half_lives_days=(3.0, 14.0),
        weights={"meeting": 5.0},
        first_touch=("channel", "content_id"),
    ),
    "buying_group": BuyingGroupSpec(kind="buying_group", engaged_days=14),
    "pipeline": PipelineSpec(kind="pipeline"),
    "family": FamilySpec(kind="family", windows_days=(7, 30)),
    "peers": PeersSpec(kind="peers", windows_days=(7, 30), min_peers=2),
    "category_rates": CategoryRatesSpec(
        kind="category_rates",
        by=("sector", "country", "region", "first_channel", "first_campaign", "first_content"),
        horizon_days=10,
        settle_days=2,
        strength=3.0,
    ),
    "columns": ColumnsSpec(kind="columns", numbers=("machines",), categories=("segment",)),
}

PROFILE = ProfileSpec.model_validate(
    {"sectors": ["pharma"], "employee_count": 100, "countries": ["AT", "DE"], "values": ["agile", "integrity"]}
)


@dataclass(frozen=True)
class World:
    """Tables, and the snapshot dates that its facts are planted around."""

    tables: Tables
    dates: tuple[pd.Timestamp, ...]

    def rows(self) -> pd.DataFrame:
        """Every account on every date."""
        ids = sorted(self.tables["accounts"]["account_id"].unique())
        index = pd.MultiIndex.from_product([self.dates, ids], names=["as_of", "account_id"])
        return index.to_frame(index=False)[["account_id", "as_of"]]

    @cached_property
    def history(self) -> History:
        """Everything that the world holds."""
        return history_of(self.tables)

    @cached_property
    def specs(self) -> tuple[FeatureSpec, ...]:
        """Every family, with what it takes from the data fixed."""
        return resolve(list(FAMILIES.values()), self.history, PROFILE)


def make_world(seed: int, n_accounts: int = 6, n_events: int = 60) -> World:
    """A random world; moments fall on whole hours so that ties and exact hits of as_of are common."""
    r = np.random.default_rng(seed)
    dates = tuple(EPOCH + int(d) * pd.Timedelta(days=1) for d in sorted(r.choice(np.arange(20, 80), 3, replace=False)))
    ids = [f"{i:03d}" for i in range(n_accounts)]

    def when(n: int, missing: float = 0.0) -> pd.Series:
        stamps = pd.Series([EPOCH + int(h) * HOUR for h in r.integers(0, 24 * 100, n)])
        exact = r.random(n) < 0.2
        stamps[exact] = [dates[i] for i in r.integers(0, len(dates), int(exact.sum()))]
        return stamps.astype("datetime64[us, UTC]").mask(r.random(n) < missing)

    def pick(values: list[str | None], n: int) -> list[str | None]:
        return [values[i] for i in r.integers(0, len(values), n)]

    n_versions = n_accounts + n_accounts // 2
    owner = [*ids, *pick(list(ids), n_versions - n_accounts)]
    accounts = pd.DataFrame(
        {
            "account_id": owner,
            "parent_account_id": pick([None, None, None, *ids[:3]], n_versions),
            "sector": pick(["pharma", "steel", None], n_versions),
            "employee_count": r.choice([20.0, 90.0, 400.0, np.nan], n_versions),
            "annual_revenue": r.choice([1e6, 5e7, np.nan], n_versions),
            "country": pick(["AT", "US", None], n_versions),
            "region": pick(["north", "south", None], n_versions),
            "founded_year": r.choice([1950.0, 2020.0, np.nan], n_versions),
            "values": pick(["agile;integrity", "agile", "", None], n_versions),
            "customer_since": when(n_versions, 0.7),
            "partner_since": when(n_versions, 0.8),
            "machines": r.choice([1.0, 2.0, np.nan], n_versions),
            "segment": pick(["a", "b", None], n_versions),
            "known_at": when(n_versions, 0.4),
        }
    ).drop_duplicates(["account_id", "known_at"])
    n_contacts = 2 * n_accounts
    contacts = pd.DataFrame(
        {
            "contact_id": [f"c{i}" for i in range(n_contacts)],
            "account_id": pick(list(ids), n_contacts),
            "buying_role": pick(["decision_maker", "user", "finance", None], n_contacts),
            "seniority": pick(["c_level", "staff", None], n_contacts),
            "known_at": when(n_contacts, 0.2),
            "objected_at": when(n_contacts, 0.8),
        }
    )
    occurred = when(n_events)
    late = pd.to_timedelta(np.where(r.random(n_events) < 0.25, r.integers(0, 24 * 30, n_events), 0), unit="h")
    events = pd.DataFrame(
        {
            "event_id": [f"e{i}" for i in range(n_events)],
            "occurred_at": occurred,
            "event_type": pick(["web_visit", "web_visit", "email_sent", "meeting"], n_events),
            "account_id": pick([*ids, ids[0], ids[0]], n_events),
            "contact_id": pick([None, *contacts["contact_id"]], n_events),
            "channel": pick(["web", "mail", None], n_events),
            "campaign_id": pick(["k1", "k2", None], n_events),
            "funnel_stage": pick(["awareness", "decision", None], n_events),
            "content_id": pick(["x", "y", "z", None], n_events),
            "minutes": r.choice([0.1, 2.7, 30.3, np.nan], n_events),
            "value": r.choice([-5.5, 1.1, np.nan], n_events),
            "direction": pick(["inbound", "outbound", None, None], n_events),
            "known_at": (occurred + late).where(r.random(n_events) < 0.7),
        }
    )
    n_opps = 2 * n_accounts
    created = when(n_opps)
    closed = created + pd.to_timedelta(r.integers(1, 24 * 40, n_opps), unit="h")
    is_closed = r.random(n_opps) < 0.7
    opportunities = pd.DataFrame(
        {
            "opportunity_id": [f"o{i}" for i in range(n_opps)],
            "account_id": pick(list(ids), n_opps),
            "created_at": created,
            "closed_at": closed.where(is_closed),
            "is_won": pd.Series(np.where(r.random(n_opps) < 0.5, True, False)).astype("boolean").where(is_closed),
            "amount": r.choice([10.5, 200.25, np.nan], n_opps),
            "kind": pick(["new", "upsell", None], n_opps),
            "known_at": created.where(r.random(n_opps) < 0.3),
        }
    )
    invoices = pd.DataFrame(
        {
            "account_id": pick(list(ids), n_accounts),
            "invoiced_on": when(n_accounts),
            "amount": r.choice([10.1, -3.3, 99.9], n_accounts),
            "known_at": when(n_accounts, 0.7),
        }
    )
    frames = {
        "accounts": accounts,
        "contacts": contacts,
        "events": events,
        "opportunities": opportunities,
        "invoices": invoices,
    }
    return World(Tables({name: typed(name, frame) for name, frame in frames.items()}), dates)


def typed(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with canonical dtypes."""
    schema = TABLES[table].by_name
    types = {c: DTYPES[schema[c].type] if c in schema else "str" for c in frame.columns}
    types["machines"] = "float64"
    return frame.astype({c: t for c, t in types.items() if c in frame}).reset_index(drop=True)


def history_of(tables: Tables) -> History:
    """The tables, sealed long after their last fact."""
    return History.of(tables, until=EPOCH + pd.Timedelta(days=1000))
