"""Phrases about events: what the account did, how much of it, and when."""

from __future__ import annotations

from abm_scoring.publish.words.ask import Ask, counted, nothing
from abm_scoring.publish.words.facts import value


def event_count(ask: Ask) -> str:
    """`12 website visits in the last 30 days`."""
    speech, n = ask.speech, ask.amount
    if n == 0:
        return nothing(ask, ask.window)
    things = speech.events(ask.event_type, speech.plural(n))
    return speech.say("happened", count=speech.say("counted", n=speech.number(n), things=things), window=ask.window)


def event_sum(ask: Ask) -> str:
    """`45 minutes of webinars in the last 90 days`."""
    speech, n = ask.speech, ask.amount
    column = str(ask.feature.args.get("column", "value"))
    events, name = speech.in_general(ask.event_type), speech.label(column)
    if n == 0:
        return speech.say(
            "sum_none", column=name if column != "minutes" else speech.nouns("minute"), events=events, window=ask.window
        )
    if column == "minutes":
        return speech.say("sum_minutes", amount=speech.noun("minute", n), events=events, window=ask.window)
    if column == "value":
        return speech.say("sum_value", amount=speech.number(n), events=events, window=ask.window)
    return speech.say("sum_other", amount=speech.number(n), column=name, events=events, window=ask.window)


_DISTINCT = {"contacts": "contact", "channels": "channel", "contents": "content", "campaigns": "campaign"}


def distinct(ask: Ask) -> str:
    """`3 engaged contacts in the last 90 days`."""
    speech = ask.speech
    noun = _DISTINCT.get(str(ask.feature.args.get("what", "contacts")))
    if noun is None:
        return value(ask)
    if ask.event_type == "any":
        return counted(ask, "engaged_contact" if noun == "contact" else noun, windowed=True)
    events = speech.in_general(ask.event_type)
    if ask.amount == 0:
        return speech.say("distinct_none", things=speech.nouns(noun), events=events, window=ask.window)
    return speech.say("distinct", count=speech.noun(noun, ask.amount), events=events, window=ask.window)


def active_days(ask: Ask) -> str:
    """`active on 5 days of the last 30`."""
    speech, n, days = ask.speech, ask.amount, ask.arg("days")
    if n == 0:
        return speech.say("active_none", window=ask.window) if ask.event_type == "any" else nothing(ask, ask.window)
    key = ("active" if ask.event_type == "any" else "active_events") + ("_all" if days is None else "")
    parts = {
        "events": speech.in_general(ask.event_type),
        "count": speech.noun("day", n),
        "days": speech.number(days or 0),
    }
    return speech.say(key, **parts)


def recency(ask: Ask) -> str:
    """`last website visit 3 days ago`."""
    event = ask.speech.events(ask.event_type, "one")
    if ask.value is None:
        return ask.speech.say("never", event=event)
    return ask.speech.say("last", event=event, ago=ask.speech.ago(ask.amount))


def first_seen(ask: Ask) -> str:
    """`first touch 120 days ago`."""
    event = ask.speech.events(ask.event_type, "one")
    if ask.value is None:
        return ask.speech.say("never", event=event)
    key = "first_touch" if ask.event_type == "any" else "first"
    return ask.speech.say(key, event=event, ago=ask.speech.ago(ask.amount))


def decayed(ask: Ask) -> str:
    """`recent engagement score 12.4`; below a hundredth of one event there is none."""
    key = "decayed" if ask.event_type == "any" else "decayed_events"
    ending = "_none" if ask.amount < 0.01 else ""
    events = ask.speech.in_general(ask.event_type)
    return ask.speech.say(key + ending, number=ask.speech.number(ask.amount), events=events)


def momentum(ask: Ask) -> str:
    """`website visits up 2.1× on their 90-day pace`; within 5 % of it the pace is the same."""
    speech, ratio = ask.speech, ask.amount
    if ask.value is None:
        return nothing(ask, speech.window(ask.arg("long_days")))
    if ratio == 0:
        return nothing(ask, speech.window(ask.arg("short_days")))
    key = "momentum_up" if ratio > 1.05 else "momentum_down" if ratio < 0.95 else "momentum_even"
    # Two digits: a ratio of counts is no more precise.
    parts = {
        "ratio": speech.number(float(f"{ratio:.2g}")),
        "days": speech.number(ask.arg("long_days") or 0),
    }
    return speech.say(key, events=speech.in_general(ask.event_type), **parts)


def event_mean(ask: Ask) -> str:
    """`website visits of 3.4 minutes on average in the last 30 days`."""
    return _amount(ask, "mean")


def event_least(ask: Ask) -> str:
    """`website visits of at least 2 minutes in the last 30 days`."""
    return _amount(ask, "least")


def event_most(ask: Ask) -> str:
    """`website visits of up to 12 minutes in the last 30 days`."""
    return _amount(ask, "most")


def _amount(ask: Ask, key: str) -> str:
    speech, n = ask.speech, ask.amount
    if ask.value is None:
        return nothing(ask, ask.window)
    column = str(ask.feature.args.get("column", "value"))
    amount = speech.noun("minute", n) if column == "minutes" else speech.number(n)
    return speech.say(key, events=speech.in_general(ask.event_type), amount=amount, window=ask.window)


def active_weeks(ask: Ask) -> str:
    """`website visits in 3 weeks in the last 90 days`."""
    speech = ask.speech
    if ask.amount == 0:
        return nothing(ask, ask.window)
    count = speech.noun("week", ask.amount)
    return speech.say("weeks", events=speech.in_general(ask.event_type), count=count, window=ask.window)


def gap_mean(ask: Ask) -> str:
    """`website visits every 4.2 days in the last 30 days`; below two events there is no gap."""
    speech, events = ask.speech, ask.speech.in_general(ask.event_type)
    if ask.value is None:
        return speech.say("gap_none", events=events, window=ask.window)
    return speech.say("gap", events=events, count=speech.noun("day", ask.amount), window=ask.window)


def gap_regularity(ask: Ask) -> str:
    """`regular website visits in the last 90 days`; from a coefficient of variation of 0.7 on they are irregular."""
    speech, events = ask.speech, ask.speech.in_general(ask.event_type)
    if ask.value is None:
        return speech.say("rhythm_none", events=events, window=ask.window)
    return speech.say("regular" if ask.amount < 0.7 else "irregular", events=events, window=ask.window)


def replies(ask: Ask) -> str:
    """`3 website visits soon after your outreach in the last 30 days`."""
    speech, n = ask.speech, ask.amount
    if n == 0:
        things = speech.events(ask.event_type, speech.catalogue.after_no)
        return speech.say("replies_none", things=things, window=ask.window)
    count = speech.say("counted", n=speech.number(n), things=speech.events(ask.event_type, speech.plural(n)))
    return speech.say("replies", count=count, window=ask.window)


def burst(ask: Ask) -> str:
    """`website visits last week at 3.2× their earlier pace`; within 5 % of it the pace is the same."""
    speech, ratio = ask.speech, ask.amount
    if ask.value is None:
        return nothing(ask, speech.window(ask.arg("long_days")))
    if ratio == 0:
        return nothing(ask, speech.window(ask.arg("short_days")))
    key = "burst" if abs(ratio - 1) > 0.05 else "burst_even"
    return speech.say(key, events=speech.in_general(ask.event_type), ratio=speech.number(float(f"{ratio:.2g}")))


def streak_weeks(ask: Ask) -> str:
    """`website visits in each of the last 3 weeks`."""
    speech = ask.speech
    if ask.amount == 0:
        return nothing(ask, speech.window(7))
    return speech.say("streak", events=speech.in_general(ask.event_type), count=speech.noun("week", ask.amount))
