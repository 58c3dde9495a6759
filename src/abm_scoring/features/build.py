"""The one way from history to a feature frame, for training and scoring alike."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from abm_scoring.errors import ConfigError
from abm_scoring.features.catalogue import Feature
from abm_scoring.features.context import Context, customer_context
from abm_scoring.features.families import FeatureSpec
from abm_scoring.features.history import History
from abm_scoring.features.profile import ProfileSpec


def resolve(
    specs: Sequence[FeatureSpec], history: History, profile: ProfileSpec | None = None
) -> tuple[FeatureSpec, ...]:
    """The specs with everything fixed that depends on data (columns present, event types seen).

    What comes out is stored with the model and replayed at every scoring, so that both see the same columns.

    Raises:
        ConfigError: Two families give a feature of the same name.
    """
    resolved = tuple(spec.resolve(history, profile) for spec in specs)
    names = [f.name for f in catalogue(resolved)]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ConfigError(
            f"features: more than one family gives {', '.join(twice[:5])}", fix="name each family and column once"
        )
    return resolved


def catalogue(specs: Sequence[FeatureSpec]) -> tuple[Feature, ...]:
    """What each feature is, in the order of the columns of `build_features`."""
    return tuple(feature for spec in specs for feature in spec.features())


def build_features(
    history: History, rows: pd.DataFrame, specs: Sequence[FeatureSpec], context: Context | None = None
) -> pd.DataFrame:
    """Features of each row from what was known of its account before its `as_of`.

    Args:
        history: All that is known.
        rows: n rows `account_id` (str), `as_of` (datetime64[us, UTC]).
        specs: Resolved feature families.
        context: From `customer_context` over *all* accounts; computed from `history` where not given.

    Returns:
        n × f frame in the order of `catalogue(specs)`: float64 for numbers (NaN = unknown), str for categories.
    """
    view = history.at(rows)
    shared = customer_context(history) if context is None else context
    blocks = [spec.build(view, shared) for spec in specs]
    index = pd.RangeIndex(len(view))
    return pd.concat([pd.DataFrame(index=index), *[b.set_axis(index) for b in blocks]], axis=1)
