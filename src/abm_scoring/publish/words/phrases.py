"""Which phrase code is worded by which function.

Phrases state facts in the order "what, how much, when". They never say "because": a reason is associated with the
score, not its cause.
"""

from __future__ import annotations

from collections.abc import Callable

from abm_scoring.publish.words import behaviour, facts, fit, relations
from abm_scoring.publish.words.ask import Ask

#: Every phrase code that a feature may name.
PHRASES: dict[str, Callable[[Ask], str]] = {
    "event_count": behaviour.event_count,
    "event_sum": behaviour.event_sum,
    "distinct": behaviour.distinct,
    "active_days": behaviour.active_days,
    "recency": behaviour.recency,
    "first_seen": behaviour.first_seen,
    "decayed": behaviour.decayed,
    "momentum": behaviour.momentum,
    "event_mean": behaviour.event_mean,
    "event_least": behaviour.event_least,
    "event_most": behaviour.event_most,
    "active_weeks": behaviour.active_weeks,
    "gap_mean": behaviour.gap_mean,
    "gap_regularity": behaviour.gap_regularity,
    "replies": behaviour.replies,
    "burst": behaviour.burst,
    "streak_weeks": behaviour.streak_weeks,
    "value": facts.value,
    "category": facts.value,
    "first_category": facts.value,
    "missing": facts.missing,
    "flag": facts.flag,
    "share": facts.share,
    "size": facts.size,
    "fit_size": fit.fit_size,
    "fit_sector": fit.fit_sector,
    "fit_region": fit.fit_region,
    "fit_values": fit.fit_values,
    "fit_similar_customers": fit.fit_similar_customers,
    "fit_total": fit.fit_total,
    "roles_known": relations.roles_known,
    "roles_engaged": relations.roles_engaged,
    "roles_missing": relations.roles_missing,
    "contacts_known": relations.contacts_known,
    "contacts_engaged": relations.contacts_engaged,
    "senior_known": relations.senior_known,
    "senior_engaged": relations.senior_engaged,
    "seniority": relations.seniority,
    "prior_wins": relations.prior_wins,
    "prior_losses": relations.prior_losses,
    "prior_opportunities": relations.prior_opportunities,
    "tenure": relations.tenure,
    "earlier_revenue": relations.earlier_revenue,
    "days_since_close": relations.days_since_close,
}

#: Phrases that read the account's details beside the value.
DETAILED = frozenset({"fit_size", "fit_sector", "fit_region", "fit_values", "fit_similar_customers"})
