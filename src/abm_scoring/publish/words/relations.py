"""Phrases about people and dealings: the buying group, earlier opportunities, the customer relationship."""

from __future__ import annotations

from abm_scoring.publish.words.ask import Ask, counted
from abm_scoring.publish.words.facts import value


def roles_known(ask: Ask) -> str:
    """`4 of 6 buying roles known`."""
    return _roles(ask, "roles_known", modest=True)


def roles_engaged(ask: Ask) -> str:
    """`4 of 6 buying roles engaged`."""
    return _roles(ask, "roles_engaged", modest=True)


def roles_missing(ask: Ask) -> str:
    """`2 of 6 buying roles missing`."""
    return _roles(ask, "roles_missing", modest=False)


def contacts_known(ask: Ask) -> str:
    """`12 known contacts`."""
    return counted(ask, "known_contact")


def contacts_engaged(ask: Ask) -> str:
    """`3 engaged contacts in the last 90 days`."""
    return counted(ask, "engaged_contact", windowed=True)


def senior_known(ask: Ask) -> str:
    """`2 known senior contacts`."""
    return counted(ask, "known_senior_contact")


def senior_engaged(ask: Ask) -> str:
    """`2 engaged senior contacts in the last 90 days`."""
    return counted(ask, "engaged_senior_contact", windowed=True)


def seniority(ask: Ask) -> str:
    """`2 contacts at C level engaged`."""
    speech, level = ask.speech, ask.speech.level(str(ask.feature.args.get("level", "senior")))
    if ask.amount == 0:
        return speech.say("seniority_none", things=speech.nouns("contact"), level=level)
    return speech.say("seniority", count=speech.noun("contact", ask.amount), level=level)


def prior_wins(ask: Ask) -> str:
    """`2 earlier opportunities won`."""
    return counted(ask, "won_opportunity")


def prior_losses(ask: Ask) -> str:
    """`1 earlier opportunity lost`."""
    return counted(ask, "lost_opportunity")


def prior_opportunities(ask: Ask) -> str:
    """`3 earlier opportunities`."""
    return counted(ask, "opportunity")


def tenure(ask: Ask) -> str:
    """`customer for 3 years`; months below two years, days below two months."""
    if ask.value is None:
        return ask.speech.say("tenure_none")
    days = ask.amount * {"years": 365.25, "months": 365.25 / 12}.get(ask.feature.unit, 1.0)
    if days < 1:
        return ask.speech.say("tenure_short")
    noun, length = ("day", 1.0) if days < 60 else ("month", 365.25 / 12) if days < 730 else ("year", 365.25)
    # A full year must not become two for want of a rounding error.
    return ask.speech.say("tenure", duration=ask.speech.noun(noun, int(days / length + 1e-6)))


def earlier_revenue(ask: Ask) -> str:
    """`earlier revenue: 45 000`."""
    if ask.value == 0:
        return ask.speech.say("earlier_revenue_none")
    return value(ask)


def days_since_close(ask: Ask) -> str:
    """`last opportunity closed 40 days ago`."""
    if ask.value is None:
        return ask.speech.say("closed_none")
    return ask.speech.say("closed", ago=ask.speech.ago(ask.amount))


def _roles(ask: Ask, key: str, *, modest: bool) -> str:
    speech, total = ask.speech, ask.arg("required")
    if total is None:
        text = speech.say(f"{key}_all", roles=speech.noun("buying_role", ask.amount))
    else:
        whole = not modest or ask.amount in (0, total)
        number = ask.modest(speech.number(ask.amount), whole=whole)
        text = speech.say(key, number=number, total=speech.number(total))
    days = ask.arg("days")
    return text if days is None else speech.say("happened", count=text, window=speech.window(days))
