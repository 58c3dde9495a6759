"""The one way from history to a feature frame, for training and scoring alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from abm_scoring.errors import ConfigError
from abm_scoring.features.catalogue import Feature
from abm_scoring.features.context import Context, Peers, Trials, customers
from abm_scoring.features.families import FeatureSpec
from abm_scoring.features.history import History
from abm_scoring.features.moments import NEVER, moments
from abm_scoring.features.profile import ProfileSpec
from abm_scoring.features.seen import Seen


def resolve(specs: Sequence[FeatureSpec], seen: Seen, profile: ProfileSpec | None = None) -> tuple[FeatureSpec, ...]:
    """The specs with everything fixed that depends on data (columns present, event types seen).

    What comes out is stored with the model and replayed at every scoring, so that both see the same columns.

    Args:
        specs: Families as configured.
        seen: All that is known, or the survey of all partitions.
        profile: The project's.

    Raises:
        ConfigError: Two families give a feature of the same name.
    """
    resolved = tuple(spec.resolve(seen, profile) for spec in specs)
    names = [f.name for f in catalogue(resolved)]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ConfigError(
            f"features: more than one family gives {', '.join(twice[:5])}", fix="name each family and column once"
        )
    return resolved


def catalogue(specs: Sequence[FeatureSpec]) -> tuple[Feature, ...]:
    """What each feature is, in the order of the columns of `features_at`."""
    return tuple(feature for spec in specs for feature in spec.features())


def looks_across(specs: Sequence[FeatureSpec]) -> bool:
    """Whether any family asks for other accounts, so that partitions need a context from all of them."""
    return any(spec.kind == "value_fit" for spec in specs) or looks_at_events(specs)


def looks_at_events(specs: Sequence[FeatureSpec]) -> bool:
    """Whether any family asks for events of other accounts, and not for their facts alone."""
    return any(spec.kind in ("peers", "category_rates") for spec in specs)


def shared_context(history: History, specs: Sequence[FeatureSpec] = (), rows: pd.DataFrame | None = None) -> Context:
    """First pass over all accounts: what the families of features need to know of others.

    Args:
        history: All accounts.
        specs: Resolved families; those that look across accounts say what they need.
        rows: The rows that will be asked for; only their `as_of` matters.
    """
    as_of = moments(rows["as_of"], NEVER) if rows is not None else np.empty(0, "int64")
    peers: dict[tuple[int, int], Mapping[str, Peers]] = {}
    trials: dict[tuple[int, int], Mapping[str, Mapping[str, Trials]]] = {}
    for spec in specs:
        if spec.kind == "peers":
            peers |= spec.peers(history, as_of)
        elif spec.kind == "category_rates":
            trials |= spec.trials(history)
    return Context(customers(history), peers, trials)


def features_at(
    history: History,
    rows: pd.DataFrame,
    specs: Sequence[FeatureSpec],
    context: Context | None = None,
    dtype: type = np.float64,
) -> pd.DataFrame:
    """Features of each row from what was known of its account before its `as_of`.

    Args:
        history: All that is known.
        rows: n rows `account_id` (str), `as_of` (datetime64[us, UTC]).
        specs: Resolved feature families.
        context: From `shared_context` over *all* accounts; computed from `history` where not given.
        dtype: Of the measures of event history; float32 halves their memory.

    Returns:
        n × f frame in the order of `catalogue(specs)`: float64 for numbers (NaN = unknown), str for categories.
    """
    view = history.at(rows, dtype)
    shared = shared_context(history, specs, rows) if context is None else context
    blocks = [spec.build(view, shared) for spec in specs]
    index = pd.RangeIndex(len(view))
    return pd.concat([pd.DataFrame(index=index), *[b.set_axis(index) for b in blocks]], axis=1)
