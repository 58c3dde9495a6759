"""Tables as they were known at a moment, so that a report of any past day can be made again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from abm_scoring.data.tables import Tables
from abm_scoring.features.facts import RULES, mask
from abm_scoring.features.moments import ALWAYS, NEVER, is_before, micros, moments

#: Table → when a row happened, beside `known_at`.
_HAPPENED = {
    "events": "occurred_at",
    "costs": "incurred_on",
    "dispositions": "decided_at",
    "experiments": "assigned_at",
    "surveys": "answered_at",
    "referrals": "referred_at",
    "anonymous_traffic": "day",
    "invoices": "invoiced_on",
    "opportunities": "created_at",
    "target_list": "from",
}


def as_known(tables: Tables, as_of: pd.Timestamp) -> Tables:
    """The tables without what could not be known before `as_of`: nothing that happened or was learned later.

    Of versioned rows the last version known stays; outcomes and ends that lie ahead are blanked, as the time door does
    for features. Campaigns, content and exchange rates are plans and lists without a moment, and stay whole. Values of
    open deals without `known_at` are today's: a report may show them, where a feature may not.
    """
    limit = micros(as_of)
    return tables.replace(**{name: _cut(name, tables[name], limit) for name in tables})


def _cut(name: str, frame: pd.DataFrame, limit: int) -> pd.DataFrame:
    known = moments(frame["known_at"], ALWAYS) if "known_at" in frame else np.full(len(frame), ALWAYS)
    past = is_before(known, limit)
    if name in _HAPPENED:
        past &= is_before(moments(frame[_HAPPENED[name]], NEVER), limit)
    kept = frame if past.all() else frame[past]
    rule = RULES.get(name)
    if rule is None:
        return kept.reset_index(drop=True)
    if rule.entity is not None and kept[rule.entity].duplicated().any():
        order = np.lexsort((known[past],))
        kept = kept.iloc[order].drop_duplicates(rule.entity, keep="last").sort_index()
    return mask(kept.reset_index(drop=True), replace(rule, undated=()), np.full(len(kept), limit))
