"""Phrases about what is known of the company: figures, categories, and what is missing."""

from __future__ import annotations

import re

from abm_scoring.publish.words.ask import Ask
from abm_scoring.publish.words.speech import Speech


def value(ask: Ask) -> str:
    """`annual revenue: 12 000 000`; also the wording for phrase codes that nobody knows."""
    speech = ask.speech
    if ask.value is None:
        return speech.say("unknown", label=ask.label)
    return speech.say("value", label=ask.label, value=_with_unit(speech, ask.value, ask.feature.unit))


_UNITS = {
    "campaigns": "campaign",
    "channels": "channel",
    "contacts": "contact",
    "content items": "content",
    "customers": "customer",
    "days": "day",
    "employees": "employee",
    "events": "event",
    "minutes": "minute",
    "months": "month",
    "roles": "buying_role",
    "weeks": "week",
    "years": "year",
}
_SHARES = frozenset({"share", "0 to 1"})


def _with_unit(speech: Speech, given: float | str, unit: str) -> str:
    if isinstance(given, str):
        return plain_words(given)
    if unit in _SHARES:
        return speech.percent(given)
    if unit == "year":  # a calendar year, not a number of them
        return f"{given:.0f}"
    return speech.noun(_UNITS[unit], given) if unit in _UNITS else speech.number(given)


def plain_words(text: str) -> str:
    """`paid_search` → `paid search`; anything but a lower-case code is the user's own writing and stays."""
    return text.replace("_", " ") if re.fullmatch(r"[a-z]+(_[a-z]+)+", text) else text


def missing(ask: Ask) -> str:
    """`employee count unknown`."""
    return ask.speech.say("known" if ask.value == 0 else "unknown", label=ask.label)


def flag(ask: Ask) -> str:
    """`subsidiary of another company: yes`."""
    if ask.value is None:
        return ask.speech.say("unknown", label=ask.label)
    return ask.speech.say("yes" if ask.amount else "no", label=ask.label)


def share(ask: Ask) -> str:
    """`40 % of touches outbound`."""
    if ask.value is None:
        return ask.speech.say("share_unknown", label=ask.label)
    return ask.speech.say("share", percent=ask.speech.percent(ask.amount), label=ask.label)


def size(ask: Ask) -> str:
    """`1 200 employees`."""
    if ask.value is None:
        return ask.speech.say("unknown", label=ask.speech.label("employee_count"))
    return ask.speech.noun("employee", ask.amount)
