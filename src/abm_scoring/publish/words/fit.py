"""Phrases about agreement with the ideal customer profile."""

from __future__ import annotations

from abm_scoring.publish.words.ask import Ask
from abm_scoring.publish.words.facts import plain_words


def fit_size(ask: Ask) -> str:
    """`fits your size range: 1 200 employees`; from 0.5 on, within a factor of three, it is close."""
    speech = ask.speech
    if ask.value is None:
        return speech.say("unknown", label=speech.label("employee_count"))
    employees = ask.number("employee_count")
    key = "fit_size_in" if ask.amount >= 1 else "fit_size_near" if ask.amount >= 0.5 else "fit_size_out"
    return _detailed(ask, speech.say(key), None if employees is None else speech.noun("employee", employees))


def fit_sector(ask: Ask) -> str:
    """`in a target sector: pharma`."""
    return _inside(ask, "sector", "sector")


def fit_region(ask: Ask) -> str:
    """`in a target country: AT`; `has a site in a target country` where the account itself lies elsewhere."""
    if ask.value is None or ask.amount < 0.5:
        return _inside(ask, "region", "country")
    wanted = {place.strip().casefold() for place in str(ask.feature.args.get("wanted", "")).split(";")}
    places = [ask.text("country"), ask.text("region")]
    hit = next((place for place in places if place and place.casefold() in wanted), None)
    if not hit and any(places) and wanted != {""}:
        return ask.speech.say("fit_region_site")
    return _detailed(ask, ask.speech.say("fit_region_in"), hit or ask.text("country"))


def fit_values(ask: Ask) -> str:
    """`shares 2 of 3 of your values: agile, integrity`."""
    speech = ask.speech
    if ask.value is None:
        return speech.say("unknown", label=speech.label("values"))
    if ask.amount == 0:
        return speech.say("fit_values_none")
    wanted = [v for v in str(ask.feature.args.get("wanted", "")).split(";") if v.strip()]
    if not wanted:
        percent = ask.modest(speech.percent(ask.amount), whole=ask.amount >= 1)
        return speech.say("fit_values_share", percent=percent)
    number = ask.modest(speech.number(round(ask.amount * len(wanted))), whole=ask.amount >= 1)
    return _detailed(ask, speech.say("fit_values", number=number, total=speech.number(len(wanted))), _shared(ask))


def _shared(ask: Ask) -> str | None:
    given = ask.details.get("shared_values")
    tags = given.split(";") if isinstance(given, str) else given if isinstance(given, list | tuple) else []
    return ", ".join(sorted(" ".join(str(tag).split()) for tag in tags)) or None


def fit_similar_customers(ask: Ask) -> str:
    """`sector and region like 6 of your customers`, or `resembles your customers: 62 %` without their number."""
    speech, customers = ask.speech, ask.number("customers")
    if ask.value is None:
        return speech.say("unknown", label=speech.label("likeness_to_customers"))
    if customers is not None and customers >= 1:
        return speech.say("fit_similar_customers", number=speech.number(customers))
    if ask.amount < 0.005:
        return speech.say("fit_similar_none")
    return speech.say("fit_similar", percent=ask.modest(speech.percent(ask.amount), whole=ask.amount >= 1))


def fit_total(ask: Ask) -> str:
    """`fits your ideal customer profile: 83 %`."""
    if ask.value is None:
        return ask.speech.say("unknown", label=ask.speech.label("ideal_customer_profile"))
    return ask.speech.say("fit_total", percent=ask.modest(ask.speech.percent(ask.amount), whole=ask.amount >= 1))


def _detailed(ask: Ask, text: str, detail: str | None) -> str:
    return ask.speech.say("detail", text=text, detail=detail) if detail else text


def _inside(ask: Ask, dimension: str, column: str) -> str:
    if ask.value is None:
        return ask.speech.say("unknown", label=ask.speech.label(column))
    detail = ask.text(column)
    text = ask.speech.say(f"fit_{dimension}_{'in' if ask.amount >= 0.5 else 'out'}")
    return _detailed(ask, text, plain_words(detail) if detail else None)
