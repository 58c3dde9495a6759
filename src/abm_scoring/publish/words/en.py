"""English."""

from __future__ import annotations

from abm_scoring.publish.words.catalogue import Catalogue
from abm_scoring.publish.words.grammar import GRAMMARS, Forms
from abm_scoring.publish.words.interface_en import INTERFACE


def _s(one: str, other: str | None = None) -> Forms:
    return {"one": one, "other": other or f"{one}s"}


_EVENTS = {
    "any": _s("interaction"),
    "web_visit": _s("website visit"),
    "email_open": _s("email open"),
    "email_click": _s("email click"),
    "email_sent": _s("email sent", "emails sent"),
    "email_reply": _s("email reply", "email replies"),
    "form_fill": _s("form submission"),
    "content_download": _s("content download"),
    "webinar": _s("webinar"),
    "ad_impression": _s("ad impression"),
    "ad_click": _s("ad click"),
    "social_engagement": _s("social media interaction"),
    "meeting": _s("meeting"),
    "sales_conversation": _s("sales conversation"),
    "event_attendance": _s("event attended", "events attended"),
    "demo_request": _s("demo request"),
    "sql_created": _s("sales-qualified lead"),
    "order": _s("order"),
    "cancellation": _s("cancellation"),
}

_NOUNS = {
    "buying_role": _s("buying role"),
    "campaign": _s("campaign"),
    "channel": _s("channel"),
    "contact": _s("contact"),
    "content": _s("content item"),
    "customer": _s("customer"),
    "day": _s("day"),
    "employee": _s("employee"),
    "engaged_contact": _s("engaged contact"),
    "engaged_senior_contact": _s("engaged senior contact"),
    "event": _s("event"),
    "known_contact": _s("known contact"),
    "known_senior_contact": _s("known senior contact"),
    "lost_opportunity": _s("earlier opportunity lost", "earlier opportunities lost"),
    "minute": _s("minute"),
    "month": _s("month"),
    "opportunity": _s("earlier opportunity", "earlier opportunities"),
    "won_opportunity": _s("earlier opportunity won", "earlier opportunities won"),
    "week": _s("week"),
    "year": _s("year"),
}

_COUNTED = {
    "ago": _s("{n} day ago", "{n} days ago"),
    "window": _s("in the last day", "in the last {n} days"),
}

_SENTENCES = {
    # pieces
    "ago_short": "less than a day ago",
    "counted": "{n} {things}",
    "detail": "{text}: {detail}",
    "none": "no {things}",
    "only": "only {number}",
    "window_all": "on record",
    # events
    "happened": "{count} {window}",
    "nothing": "no {things} {window}",
    "sum_minutes": "{amount} of {events} {window}",
    "sum_value": "{amount} in value from {events} {window}",
    "sum_other": "{amount} {column} from {events} {window}",
    "sum_none": "no {column} from {events} {window}",
    "distinct": "{count} with {events} {window}",
    "distinct_none": "no {things} with {events} {window}",
    "active": "active on {count} of the last {days}",
    "active_all": "active on {count} so far",
    "active_none": "not active {window}",
    "active_events": "{events} on {count} of the last {days}",
    "active_events_all": "{events} on {count} so far",
    "last": "last {event} {ago}",
    "first": "first {event} {ago}",
    "first_touch": "first touch {ago}",
    "never": "no {event} on record",
    "decayed": "recent engagement score {number}",
    "decayed_events": "recent engagement score {number} from {events}",
    "decayed_none": "no recent engagement",
    "decayed_events_none": "no recent {events}",
    "momentum_up": "{events} up {ratio}× on their {days}-day pace",
    "momentum_down": "{events} down to {ratio}× their {days}-day pace",
    "momentum_even": "{events} at their {days}-day pace",
    "mean": "{events} of {amount} on average {window}",
    "least": "{events} of at least {amount} {window}",
    "most": "{events} of up to {amount} {window}",
    "weeks": "{events} in {count} {window}",
    "gap": "{events} every {count} {window}",
    "gap_none": "fewer than two {events} {window}",
    "regular": "regular {events} {window}",
    "irregular": "irregular {events} {window}",
    "rhythm_none": "too few {events} for a rhythm {window}",
    "replies": "{count} soon after your outreach {window}",
    "replies_none": "no {things} soon after your outreach {window}",
    "burst": "{events} last week at {ratio}× their earlier pace",
    "burst_even": "{events} last week at their earlier pace",
    "streak": "{events} for {count} in a row",
    # facts
    "value": "{label}: {value}",
    "share": "{percent} of {label}",
    "share_unknown": "share of {label} unknown",
    "unknown": "{label} unknown",
    "known": "{label} known",
    "yes": "{label}: yes",
    "no": "{label}: no",
    # fit with the ideal customer profile
    "fit_size_in": "fits your size range",
    "fit_size_near": "close to your size range",
    "fit_size_out": "outside your size range",
    "fit_sector_in": "in a target sector",
    "fit_sector_out": "outside your target sectors",
    "fit_region_in": "in a target country",
    "fit_region_site": "has a site in a target country",
    "fit_region_out": "outside your target countries",
    "fit_values": "shares {number} of {total} of your values",
    "fit_values_share": "shares {percent} of your values",
    "fit_values_none": "does not share any of your values",
    "fit_similar": "resembles your customers: {percent}",
    "fit_similar_customers": "sector and region like {number} of your customers",
    "fit_similar_none": "unlike your customers",
    "fit_total": "fits your ideal customer profile: {percent}",
    # buying group
    "roles_known": "{number} of {total} buying roles known",
    "roles_known_all": "{roles} known",
    "roles_engaged": "{number} of {total} buying roles engaged",
    "roles_engaged_all": "{roles} engaged",
    "roles_missing": "{number} of {total} buying roles missing",
    "roles_missing_all": "{roles} missing",
    "seniority": "{count} at {level} engaged",
    "seniority_none": "no {things} at {level} engaged",
    # relationship
    "tenure": "customer for {duration}",
    "tenure_short": "customer for less than a day",
    "tenure_none": "not a customer",
    "earlier_revenue_none": "no earlier revenue",
    "closed": "last opportunity closed {ago}",
    "closed_none": "no opportunity closed so far",
}

_LABELS = {
    "campaign_of_first_touch": "campaign of first touch",
    "channel_of_first_touch": "channel of first touch",
    "content_of_first_touch": "content of first touch",
    "annual_revenue": "annual revenue",
    "company_age": "company age",
    "country": "country",
    "earlier_revenue": "earlier revenue",
    "employee_count": "employee count",
    "ideal_customer_profile": "ideal customer profile fit",
    "is_subsidiary": "subsidiary of another company",
    "likeness_to_customers": "likeness to your customers",
    "region": "region",
    "sector": "sector",
    "values": "corporate values",
}

_TOPICS = {
    "first_touch_campaign": "first-touch campaign",
    "first_touch_channel": "first-touch channel",
    "first_touch_content": "first-touch content",
    "buying_group": "buying group",
    "company_age": "company age",
    "company_size": "company size",
    "sector": "sector",
    "engagement": "engagement overall",
    "location": "country and region",
    "relationship": "business relationship",
    "company_structure": "company structure",
    "fit_size": "size fit",
    "fit_sector": "sector fit",
    "fit_region": "country fit",
    "fit_values": "shared values",
    "fit_similar_customers": "likeness to your customers",
    "fit_total": "fit with the ideal customer profile",
}

_LEVELS = {
    "c_level": "C level",
    "vp": "VP level",
    "staff": "staff level",
}

_NOT_SCORED = {
    "customer": "already a customer",
    "not_a_customer": "not a customer yet",
    "partner": "is a partner",
    "open_opportunity": "has an open opportunity",
    "no_data": "no data yet",
    "not_yet_known": "not yet known on this date",
    "objected": "objected to processing",
    "duplicate": "duplicate of another account",
    "outside_scoring_window": "outside the scoring window",
    "excluded": "excluded by the configuration",
}

ENGLISH = Catalogue(
    grammar=GRAMMARS["en"],
    in_general="other",
    after_no="other",
    events=_EVENTS,
    unknown_event=_s("{name} event"),
    nouns=_NOUNS,
    counted=_COUNTED,
    sentences=_SENTENCES,
    labels=_LABELS,
    topics=_TOPICS,
    levels=_LEVELS,
    unknown_level="{name} level",
    not_scored=_NOT_SCORED,
    interface=INTERFACE,
)
