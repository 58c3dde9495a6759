"""Predictive account scoring for account-based marketing: which accounts, why, and did it pay off?

The names below are the public face; each is imported when it is first used, so that `import abm_scoring` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_FACE = {
    "AbmError": "errors",
    "AccountScorer": "learning.estimator",
    "BuyingGroupSpec": "features.buying_group",
    "ColumnsSpec": "features.columns",
    "EngagementSpec": "features.engagement",
    "FirmographicsSpec": "features.firmographics",
    "ForwardSplit": "learning.estimator",
    "MarketSpec": "data.market.spec",
    "PipelineSpec": "features.pipeline",
    "ProfileSpec": "features.profile",
    "Tables": "data.tables",
    "ValueFitSpec": "features.value_fit",
    "FeatureTransformer": "learning.transformer",
    "build_features": "features.frames",
    "check": "jobs.check",
    "feature_batches": "features.frames",
    "feature_catalogue": "features.frames",
    "load_config": "config_file",
    "load_tables": "data.loading",
    "make_market": "data.market.market",
    "open_workspace": "jobs.workspace",
    "read_bundle": "learning.bundle",
    "score": "jobs.score",
    "train": "jobs.train",
}

__all__ = ["__version__", *_FACE]


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(f"{__name__}.{_FACE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
