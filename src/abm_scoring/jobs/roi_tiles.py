"""The first screen of the return report, for a reader who has one minute.

Spent, won, influenced, caused or *cannot tell*, and how the forecast did.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from abm_scoring.publish.report import Tile
from abm_scoring.publish.report.parts import Tone
from abm_scoring.publish.report.voice import Voice

if TYPE_CHECKING:
    from abm_scoring.jobs.roi_result import Returns

_TONES: Mapping[str, Tone] = {"positive": "good", "negative": "bad", "cannot tell": "warn"}
#: Where more than this share of what was won had a touch before it, credit tells hardly anything.
_NEARLY_ALL = 0.9


def tiles(found: Returns, voice: Voice) -> list[Tile]:
    """The tiles, in the order of the questions."""
    return [
        _spent(found, voice),
        _won(found, voice),
        _influenced(found, voice),
        _on_credit(found, voice),
        _caused(found, voice),
        _associational(found, voice),
        _came_in(found, voice),
        _ahead(found, voice),
    ]


def times(value: float | None, voice: Voice) -> str:
    """A return as a multiple of its cost, with its sign."""
    return voice.digits(value, "+,.2f")


def times_range(low: float | None, high: float | None, voice: Voice) -> str:
    """Its interval; empty where there is none."""
    return (
        ""
        if low is None or high is None
        else voice.say("{low} to {high}", low=times(low, voice), high=times(high, voice))
    )


def _spent(found: Returns, voice: Voice) -> Tile:
    if found.costs is None:
        return Tile(voice.say("Spent"), voice.missing, voice.say("The table costs is not given."))
    own = found.campaign_cost or 0.0
    note = voice.say(
        "{own} on campaigns and content; {rest} that no campaign can be charged with",
        own=voice.value(own, "money"),
        rest=voice.value(found.costs.total - own, "money"),
    )
    return Tile(voice.say("Spent"), voice.value(found.costs.total, "money"), note)


def _won(found: Returns, voice: Voice) -> Tile:
    credit = found.credit
    if credit.rules is None:
        return Tile(voice.say("Won"), voice.missing, voice.told(credit.reason))
    note = voice.say(
        "{returns} of {n} deals won", returns=voice.code(credit.returns), n=voice.value(credit.wins, "integer")
    )
    return Tile(voice.say("Won"), voice.value(credit.money, "money"), note)


def _influenced(found: Returns, voice: Voice) -> Tile:
    credit = found.credit
    if credit.rules is None:
        return Tile(voice.say("Influenced"), voice.missing, voice.told(credit.reason))
    note = voice.say(
        "{n} of {total} deals won had a touch before them; credit, not cause",
        n=voice.value(credit.influenced_wins, "integer"),
        total=voice.value(credit.wins, "integer"),
    )
    return Tile(voice.say("Influenced"), voice.value(credit.influenced, "money"), note)


def _on_credit(found: Returns, voice: Voice) -> Tile:
    label = voice.say("ROI on credit")
    if found.roi is None:
        return Tile(label, voice.missing, voice.told(found.roi_reason))
    value = voice.say("{ratio} × cost", ratio=times(found.roi, voice))
    note = voice.say("(influenced − campaign cost) ÷ campaign cost; not what was caused")
    share = found.credit.influenced / found.credit.money if found.credit.money > 0 else 0.0
    if share < _NEARLY_ALL:
        return Tile(label, value, note)
    hardly = voice.say("{share} of all won had a touch, so it says little", share=voice.value(share, "percent"))
    return Tile(label, value, f"{note}; {hardly}", "warn")


def _caused(found: Returns, voice: Voice) -> Tile:
    label, own = voice.say("Caused (incremental_roi)"), found.caused
    if own is not None:
        bounds = [b for b in (times_range(own.low, own.high, voice), voice.told(own.reason)) if b]
        value = voice.told(own.verdict)
        if own.roi is not None:
            value = voice.say("{verdict}: {ratio} × cost", verdict=value, ratio=times(own.roi, voice))
        return Tile(label, value, "; ".join(bounds), _TONES[own.verdict])
    said = [t.verdict for t in found.trials]
    if not said:
        return Tile(label, voice.say("cannot be said"), voice.say("nothing was randomised: no holdout"), "warn")
    note = voice.say(
        "no holdout; {n} randomised campaigns: {positive} positive, {negative} negative, {unclear} cannot tell",
        n=len(said),
        positive=said.count("positive"),
        negative=said.count("negative"),
        unclear=said.count("cannot tell"),
    )
    return Tile(label, voice.say("cannot be said"), note, "warn")


def _associational(found: Returns, voice: Voice) -> Tile:
    label = voice.say("Compared, not randomised (associational_roi)")
    known = [c for c in found.compared if c.roi.roi is not None]
    if not known:
        reason = found.compared[0].roi.reason if found.compared else "no campaign is named in roi.compare_campaigns"
        return Tile(label, voice.missing, voice.told(reason))
    one = known[0]
    bounds = times_range(one.roi.low, one.roi.high, voice)
    return Tile(label, voice.say("{ratio} × cost", ratio=times(one.roi.roi, voice)), f"{one.name}: {bounds}")


def _came_in(found: Returns, voice: Voice) -> Tile:
    label = voice.say("Came in ÷ forecast")
    if found.held is None:
        return Tile(label, voice.missing, _not_yet(found, voice))
    total = found.held.total()
    ratio = total.get("net_ratio")
    if ratio is None:
        ratio, low, high, outside = (total.get(k) for k in ("wins_ratio", "wins_low", "wins_high", "wins_outside"))
        what = voice.say(
            "{wins} wins for {expected} expected",
            wins=voice.value(total.get("wins"), "integer"),
            expected=voice.digits(total.get("expected_wins"), ".1f"),
        )
    else:
        low, high, outside = (total.get(k) for k in ("net_low", "net_high", "money_outside"))
        net, expected = (voice.value(total.get(key), "money") for key in ("net", "expected_return"))
        what = voice.say("{net} net for {expected} expected", net=net, expected=expected)
    ends = {"low": voice.digits(low, ".2f"), "high": voice.digits(high, ".2f")}
    band = voice.say("chance alone: {low} to {high}", **ends) if low is not None and high is not None else ""
    note = "; ".join(text for text in (what, band) if text)
    return Tile(label, voice.digits(ratio, ".2f"), note, "warn" if outside else "plain")


def _not_yet(found: Returns, voice: Voice) -> str:
    if found.first_due is None:
        return voice.say("no list with probabilities was published before this day")
    return voice.say("no list is old enough; the first can be judged on {day}", day=f"{found.first_due:%Y-%m-%d}")


def _ahead(found: Returns, voice: Voice) -> Tile:
    label, ahead = voice.say("Expected next"), found.ahead
    if ahead is None:
        return Tile(label, voice.missing, voice.say("no list with probabilities"))
    if ahead.expected is None:
        value = voice.say("{n} wins", n=voice.digits(ahead.wins, ".1f"))
        ends = [voice.digits(v, ".1f") for v in (ahead.wins_low, ahead.wins_high)]
    else:
        value = voice.value(ahead.expected, "money")
        ends = [voice.value(v, "money") for v in (ahead.low, ahead.high)]
    note = voice.say(
        "{low} to {high} from the accounts of the last list, until {day}",
        low=ends[0],
        high=ends[1],
        day=f"{ahead.until:%Y-%m-%d}",
    )
    season = f"; {voice.say('months unseen in training')}" if ahead.unseen_months else ""
    return Tile(label, value, note + season)
