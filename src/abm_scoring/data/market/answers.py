"""Answers to mail and ads: the more an account is interested, the likelier they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from abm_scoring.data.market.process import World
from abm_scoring.data.market.streams import stream
from abm_scoring.data.market.touches import TYPE, Touches, campaign_code, joined

#: Probabilities by hidden state.
_MAIL_OPENED = np.array([0.15, 0.23, 0.36, 0.48, 0.50, 0.55, 0.50, 0.35])
_MAIL_CLICKED = np.array([0.05, 0.11, 0.24, 0.34, 0.25, 0.30, 0.20, 0.10])
_MAIL_ANSWERED = np.array([0.02, 0.05, 0.12, 0.20, 0.30, 0.30, 0.30, 0.10])
_AD_CLICKED = np.array([0.012, 0.025, 0.05, 0.07, 0.05, 0.06, 0.04, 0.015])
#: The second variant of mails and ads is clicked more often by this factor.
VARIANT_LIFT = 1.35


def answers_to_mail(world: World, part: int, touches: Touches) -> Touches:
    """Opens, clicks and replies; one contact in seven sits behind a proxy that opens every mail at once."""
    rng = stream(world.spec.seed, "answers to mail", part)
    sent = touches.take(touches.kind == TYPE["email_sent"])
    machine = sent.take(sent.contact % 7 == 0)
    machine = _after(machine, "email_open", rng.integers(1, 4, len(machine)))
    opened = sent.take(rng.random(len(sent)) < _MAIL_OPENED[sent.state])
    opened = _after(opened, "email_open", _delay(rng, len(opened), 10 * 3600))
    lift = np.where(opened.variant == 1, VARIANT_LIFT, 1.0)
    clicked = opened.take(rng.random(len(opened)) < _MAIL_CLICKED[opened.state] * lift)
    clicked = _after(clicked, "email_click", rng.integers(5, 600, len(clicked)))
    by_hand = opened.take(opened.campaign != campaign_code(world, "camp-newsletter"))
    replied = by_hand.take(rng.random(len(by_hand)) < _MAIL_ANSWERED[by_hand.state])
    replied = _after(replied, "email_reply", _delay(rng, len(replied), 20 * 3600))
    return joined([machine, opened, clicked, replied])


def answers_to_ads(world: World, part: int, touches: Touches) -> Touches:
    """Clicks on ads."""
    rng = stream(world.spec.seed, "answers to ads", part)
    shown = touches.take(touches.kind == TYPE["ad_impression"])
    lift = np.where(shown.variant == 1, VARIANT_LIFT, 1.0)
    clicked = shown.take(rng.random(len(shown)) < _AD_CLICKED[shown.state] * lift)
    return _after(clicked, "ad_click", rng.integers(1, 60, len(clicked)))


def _after(touches: Touches, kind: str, delay: np.ndarray) -> Touches:
    return replace(touches, second=touches.second + delay, kind=np.full(len(touches), TYPE[kind]))


def _delay(rng: np.random.Generator, size: int, mean: float) -> np.ndarray:
    return 60 + rng.exponential(mean, size).astype(np.int64)
