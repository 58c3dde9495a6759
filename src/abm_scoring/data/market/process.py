"""The hidden process behind every account: intent, qualification by sales, deals.

Each day an account is in one state. Intent moves along a Markov chain (dormant, aware, researching, evaluating) whose
awakening follows the season. From any intent sales may qualify the account, with a hazard of fit, intent, season and
running campaigns; a qualified account opens an opportunity or is dropped; an opportunity closes after a random sales
cycle, won with a probability of fit and of the intent it was qualified from. A lost account is left alone for
`COOLDOWN` days. All of it is Markov, so that the probability of winning is computed, not simulated (see `truth`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from abm_scoring.data.market.frames import DAY, NEVER
from abm_scoring.data.market.population import Population
from abm_scoring.data.market.spec import MarketSpec, TrialSpec
from abm_scoring.data.market.streams import stream

STATES = ("dormant", "aware", "researching", "evaluating", "prospected", "qualified", "in_opportunity", "customer")
DORMANT, AWARE, RESEARCHING, EVALUATING, PROSPECTED, QUALIFIED, OPEN, CUSTOMER = range(len(STATES))
UNBORN = -1

#: Moves of intent in one day, off-season; rows sum to 1.
INTENT_MOVES = np.array(
    [
        [0.9945, 0.0055, 0.0000, 0.0000],
        [0.0140, 0.9700, 0.0160, 0.0000],
        [0.0050, 0.0140, 0.9610, 0.0200],
        [0.0140, 0.0000, 0.0120, 0.9740],
    ]
)
#: Intent of an account on the day on which it becomes known.
FIRST_INTENT = (0.45, 0.33, 0.14, 0.08)
#: Hazard ratio of being qualified, by intent.
INTENT_RATIO = np.array([0.75, 0.95, 1.35, 1.9])
#: A qualified account opens an opportunity or is dropped with these daily probabilities.
OPENS, DROPS = 0.09, 0.01
#: Log odds of winning an opportunity at fit 0: prospected coldly, qualified out of interest.
WIN_LOGIT = np.array([-1.0, -0.6])
#: What one unit of fit adds to the log hazard of being qualified, and to the log odds of winning. It acts on both, so
#: that it matters about as much for accounts already qualified as for the others.
HAZARD_FIT, WIN_FIT = 0.6, 0.8
#: Sales cycle in days: a gamma of shape 3 and this mean, cut into days and to these bounds.
CYCLE_MEAN, CYCLE_SHORTEST, CYCLE_LONGEST = 44.0, 7, 170
#: Days for which an account that was lost is not qualified again; the longest horizon with a true probability.
COOLDOWN = 180
#: Factor on awakening and qualification by month, January first; the dial `season` scales the deviations from 1.
SEASON = np.array([1.015, 1.025, 1.02, 1.01, 1.00, 0.99, 0.97, 0.96, 1.01, 1.02, 1.015, 0.965])
#: Daily hazard at fit 0, before the factor of intent, at which about 1 % of eligible accounts win in 90 days.
_HAZARD_AT_ONE_PERCENT = 0.00097


@dataclass(frozen=True)
class Deals:
    """m first deals of accounts, in order of creation.

    Attributes:
        account: Index of the account.
        created, closed: Seconds since 1970; `closed` is `NEVER` while open at the end of the history.
        won: True where won (False while open).
        hot: True where it came out of researching or evaluating.
        amount: Contract value in project currency.
    """

    account: np.ndarray
    created: np.ndarray
    closed: np.ndarray
    won: np.ndarray
    hot: np.ndarray
    amount: np.ndarray


@dataclass(frozen=True)
class Qualifications:
    """Spells of qualification: account, second of entry, second of exit (`NEVER` = still), whether it became a deal."""

    account: np.ndarray
    entered: np.ndarray
    left: np.ndarray
    opened: np.ndarray


@dataclass(frozen=True)
class World:
    """Everything that truly happened.

    Attributes:
        states: (days + 1) × n codes; row d holds the states at the midnight on which day d begins.
        treated: n × trials, True where an account gets the campaign of a trial.
        invited: n × trials, True where an account takes part in a trial (either arm).
        contacted_first: n booleans, True where the account's first touch is an event of its first minutes.
    """

    spec: MarketSpec
    population: Population
    states: np.ndarray
    deals: Deals
    qualifications: Qualifications
    treated: np.ndarray
    invited: np.ndarray
    contacted_first: np.ndarray


def season(spec: MarketSpec, days: np.ndarray) -> np.ndarray:
    """Factor of the season on each day of the history (or after it), linear between the middles of months."""
    position = (np.asarray(days) + (spec.start.month - 0.5) * 30.4375) / 30.4375 - 0.5
    low = np.floor(position).astype(int)
    share = position - low
    value = SEASON[(low - 1) % 12] * (1 - share) + SEASON[low % 12] * share
    return np.maximum(1 + spec.season * (value - 1), 0)


def intent_moves(factor: float) -> np.ndarray:
    """4 × 4 moves of intent on a day whose season factor is given: it scales the awakening."""
    moves = INTENT_MOVES.copy()
    moves[DORMANT, AWARE] *= factor
    moves[DORMANT, DORMANT] = 1 - moves[DORMANT, 1:].sum()
    return moves


def resting_intent() -> np.ndarray:
    """Stationary distribution of intent off-season."""
    system = np.vstack([INTENT_MOVES.T - np.eye(4), np.ones(4)])
    return np.linalg.lstsq(system, np.array([0, 0, 0, 0, 1.0]), rcond=None)[0]


def hazard(spec: MarketSpec, fit: np.ndarray) -> np.ndarray:
    """Daily hazard of being qualified of each account, before intent, season and campaigns."""
    return _HAZARD_AT_ONE_PERCENT * spec.conversion / 0.01 * np.exp(HAZARD_FIT * fit)


def win_share(fit: np.ndarray) -> np.ndarray:
    """Probabilities (n × 2) that an opportunity is won: prospected, qualified."""
    return 1 / (1 + np.exp(-(WIN_LOGIT + WIN_FIT * fit[:, None])))


def cycle_shares() -> np.ndarray:
    """Probability of each sales cycle of 0, 1, … `CYCLE_LONGEST` days."""
    edges = np.arange(CYCLE_LONGEST + 2) * 3 / CYCLE_MEAN
    below = 1 - np.exp(-edges) * sum(edges**k / math.factorial(k) for k in range(3))
    shares = np.diff(below)
    shares[:CYCLE_SHORTEST] = 0
    return shares / shares.sum()


def trial_days(spec: MarketSpec, trial: TrialSpec) -> tuple[int, int]:
    """First day and first day after it of a trial's campaign."""
    return spec.month_day(trial.first_month), spec.month_day(trial.first_month + trial.months)


def assign(spec: MarketSpec, population: Population) -> tuple[np.ndarray, np.ndarray]:
    """Draws who takes part in each trial and who of them gets the campaign: n × trials `invited` and `treated`."""
    invited = np.zeros((len(population), len(spec.trials)), dtype=bool)
    treated = np.zeros_like(invited)
    withheld = np.zeros(len(population), dtype=bool)
    for column, trial in enumerate(spec.trials):
        draws = stream(spec.seed, f"trial {trial.experiment_id}").random((2, len(population)))[:, population.family]
        known = population.arrived < spec.start_second + trial_days(spec, trial)[0] * DAY
        invited[:, column] = (draws[0] < trial.reach) & known & (population.partner_from == NEVER) & ~withheld
        treated[:, column] = invited[:, column] & (draws[1] < trial.treated)
        if trial.withholds_all:
            withheld |= invited[:, column] & ~treated[:, column]
    return invited, treated


def campaign_factor(spec: MarketSpec, treated: np.ndarray, day: int) -> np.ndarray:
    """Factor of the campaigns that run on a day on each account's hazard (n, or 1 when none runs)."""
    factor = np.ones(1)
    for column, trial in enumerate(spec.trials):
        first, after = trial_days(spec, trial)
        if first <= day < after and trial.hazard_ratio != 1:
            factor = factor * np.where(treated[:, column], trial.hazard_ratio, 1.0)
    return factor


def qualifies(rate: np.ndarray, factor: np.ndarray, season_factor: float, ratio: np.ndarray) -> np.ndarray:
    """Probability of being qualified on a day, broadcast over accounts and intents."""
    return -np.expm1(-rate * factor * season_factor * ratio)
