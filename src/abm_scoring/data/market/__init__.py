"""A fictional B2B market of which everything is known: tables to work with, and the truth to hold results against."""

from abm_scoring.data.market.machine_builder import (
    MACHINE_BUILDER_PROFILE,
    MACHINE_BUILDER_TARGETS,
    make_machine_builder,
)
from abm_scoring.data.market.market import BIG_TABLES, PROFILE, Market, make_market, tables_of, write_market
from abm_scoring.data.market.process import World
from abm_scoring.data.market.simulation import simulate
from abm_scoring.data.market.spec import DEFAULT_SEEDS, MarketSpec, TrialSpec
from abm_scoring.data.market.truth import Truth

__all__ = [
    "BIG_TABLES",
    "DEFAULT_SEEDS",
    "MACHINE_BUILDER_PROFILE",
    "MACHINE_BUILDER_TARGETS",
    "PROFILE",
    "Market",
    "MarketSpec",
    "TrialSpec",
    "Truth",
    "World",
    "make_machine_builder",
    "make_market",
    "simulate",
    "tables_of",
    "write_market",
]
