"""What is true of a market: computed from the law of its hidden process, not estimated from its outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import numpy as np
import pandas as pd

from abm_scoring.data.market import process as law
from abm_scoring.data.market.frames import DAY, NEVER, ids, moments, text, text_of
from abm_scoring.data.market.process import World
from abm_scoring.errors import UsageError

Outcome = Literal["won", "opportunity"]
#: Accounts computed together.
_BLOCK = 8_192
AsOf = date | datetime | pd.Timestamp | str


@dataclass(frozen=True)
class Truth:
    """The hidden side of a market.

    Attributes:
        world: States, deals and assignments as they happened.
    """

    world: World

    def probability(self, as_of: AsOf, horizon_days: int = 90, outcome: Outcome = "won") -> pd.DataFrame:
        """True probability that an account wins (or opens) a new deal in `[as_of, as_of + horizon)`.

        Given everything before `as_of`, hidden states included, and the plan of campaigns. Summed over the ways there:
        the distribution over states is carried forward a day at a time (sub-stochastic: what opened a deal leaves it),
        and each day's newly opened mass counts with its win share times the distribution function of the sales cycle.

        Args:
            as_of: A midnight (UTC) from the history's start to its end.
            horizon_days: 1 to 180; within the cooldown no account can have two deals.
            outcome: `won`, or `opportunity` for one being created.

        Returns:
            One row an account: account_id (str), probability (float64, NaN where not eligible), eligible (bool):
            known, neither customer nor partner, and without an open opportunity.

        Raises:
            UsageError: `as_of` or the horizon lies outside.
        """
        day = self.day(as_of)
        _check_horizon(horizon_days)
        eligible = self.eligible(day)
        probability = np.full(len(eligible), np.nan)
        rows = np.flatnonzero(eligible)
        probability[rows] = self._forward(rows, day, horizon_days, outcome, self.world.treated)
        return pd.DataFrame({"account_id": self.account_ids, "probability": probability, "eligible": eligible})

    @property
    def account_ids(self) -> pd.Series:
        """Account ids in the order of the population."""
        return text_of(ids("A", len(self.world.population)))

    def day(self, as_of: AsOf) -> int:
        """The day of the history that begins at `as_of`."""
        moment = pd.Timestamp(as_of)
        moment = moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")
        spec = self.world.spec
        day, rest = divmod(int(moment.timestamp()) - spec.start_second, DAY)
        if rest or not 0 <= day <= spec.days:
            raise UsageError(
                f"no true state at {moment}", where="as_of", fix=f"take a midnight (UTC) of {spec.start} to {spec.end}"
            )
        return day

    def eligible(self, day: int) -> np.ndarray:
        """Which accounts the true probability is about at the midnight on which a day begins (n booleans)."""
        state, spec = self.world.states[day], self.world.spec
        partner = self.world.population.partner_from
        is_partner = (partner != NEVER) & (partner < spec.start_second + day * DAY)
        return (state >= 0) & (state < law.OPEN) & ~is_partner

    def effect(self, campaign_id: str, horizon_days: int = 90, outcome: Outcome = "won") -> pd.DataFrame:
        """True effect of a randomised campaign on each of its participants over a horizon from its start.

        Returns:
            account_id, treated (bool, the arm it was in), eligible (at the start), probability_treated and
            probability_control (0 where not eligible). Their mean difference is what an intention-to-treat analysis
            of all participants estimates.

        Raises:
            UsageError: No trial of that campaign, or the horizon lies outside.
        """
        world = self.world
        column = next((i for i, t in enumerate(world.spec.trials) if t.campaign_id == campaign_id), None)
        if column is None:
            names = ", ".join(t.campaign_id for t in world.spec.trials)
            raise UsageError(f"no randomised campaign {campaign_id!r}", where="campaign_id", fix=f"one of {names}")
        _check_horizon(horizon_days)
        day = law.trial_days(world.spec, world.spec.trials[column])[0]
        rows = participants(world, column)
        eligible = self.eligible(day)[rows]
        arms = {}
        for name, given in (("probability_treated", True), ("probability_control", False)):
            treated = world.treated.copy()
            treated[:, column] = given
            arms[name] = np.zeros(len(rows))
            arms[name][eligible] = self._forward(rows[eligible], day, horizon_days, outcome, treated)
        frame = {"account_id": self.account_ids[rows].reset_index(drop=True), "treated": world.treated[rows, column]}
        return pd.DataFrame({**frame, "eligible": eligible, **arms})

    def fit(self) -> pd.DataFrame:
        """account_id, fit (log hazard ratio), hidden_fit (the part that no column shows)."""
        people = self.world.population
        return pd.DataFrame({"account_id": self.account_ids, "fit": people.fit, "hidden_fit": people.hidden_fit})

    def deal_value(self) -> pd.DataFrame:
        """account_id, deal_value: expected amount of a new deal, project currency."""
        value = self.world.population.deal_value
        return pd.DataFrame({"account_id": self.account_ids, "deal_value": value})

    def states(self) -> pd.DataFrame:
        """as_of (month starts), account_id, state: the hidden state at that midnight, of the accounts known then."""
        days = self.month_days()
        state = self.world.states[days]
        month, account = np.nonzero(state >= 0)
        as_of = moments(self.world.spec.start_second + np.array(days)[month] * DAY)
        names = np.asarray(self.account_ids, dtype=object)
        return pd.DataFrame(
            {"as_of": as_of, "account_id": text(account, names), "state": text(state[month, account], law.STATES)}
        )

    def probabilities(self, horizon_days: int = 90) -> pd.DataFrame:
        """as_of (month starts after the first), account_id, probability of the eligible accounts."""
        parts = []
        for day in self.month_days()[1:]:
            as_of = self.world.spec.date_of(day)
            frame = self.probability(as_of, horizon_days)
            frame = frame[frame["eligible"]].drop(columns="eligible")
            frame.insert(0, "as_of", pd.Timestamp(as_of, tz="UTC").as_unit("us"))
            parts.append(frame)
        return pd.concat(parts, ignore_index=True)

    def campaign_effects(self, horizon_days: int = 90) -> pd.DataFrame:
        """One row a randomised campaign: hazard ratio, dates, and the mean true effects on its participants."""
        rows = []
        for trial in self.world.spec.trials:
            won = self.effect(trial.campaign_id, horizon_days)
            opened = self.effect(trial.campaign_id, horizon_days, "opportunity")
            first, after = law.trial_days(self.world.spec, trial)
            rows.append(
                {
                    "campaign_id": trial.campaign_id,
                    "experiment_id": trial.experiment_id,
                    "hazard_ratio": trial.hazard_ratio,
                    "from": self.world.spec.date_of(first),
                    "to": self.world.spec.date_of(after),
                    "horizon_days": horizon_days,
                    "participants": len(won),
                    "win_effect": (won["probability_treated"] - won["probability_control"]).mean(),
                    "opportunity_effect": (opened["probability_treated"] - opened["probability_control"]).mean(),
                }
            )
        return pd.DataFrame(rows)

    def month_days(self) -> list[int]:
        """Days of the history on which months begin, its end included."""
        return [self.world.spec.month_day(m) for m in range(self.world.spec.months + 1)]

    def _forward(
        self, rows: np.ndarray, first_day: int, horizon: int, outcome: Outcome, treated: np.ndarray
    ) -> np.ndarray:
        """Probabilities of some accounts that are eligible on `first_day`, in their order."""
        free_from = self._free_from(first_day)
        # Blocks that fit into the processor's cache: 100 000 accounts at once take three times as long.
        blocks = [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
        found = [self._forward_block(b, first_day, horizon, outcome, treated[b], free_from[b]) for b in blocks]
        return np.concatenate([np.empty(0), *found])

    def _forward_block(
        self,
        rows: np.ndarray,
        first_day: int,
        horizon: int,
        outcome: Outcome,
        treated: np.ndarray,
        free_from: np.ndarray,
    ) -> np.ndarray:
        """The same for one block; `intent` and `spell` hold the mass in each state, a row an account."""
        world, spec = self.world, self.world.spec
        mass = np.eye(law.OPEN)[world.states[first_day, rows]]
        intent, spell = mass[:, : law.PROSPECTED], mass[:, law.PROSPECTED :]
        fit = world.population.fit[rows]
        rate, wins, total = law.hazard(spec, fit)[:, None], law.win_share(fit), np.zeros(len(rows))
        closed_by, seasons = np.cumsum(law.cycle_shares()), law.season(spec, first_day + np.arange(horizon))
        for step in range(horizon):
            day = first_day + step
            opened, dropped = spell * law.OPENS, spell * law.DROPS
            if outcome == "won":
                total += (opened * wins).sum(axis=1) * closed_by[min(horizon - 1 - step, law.CYCLE_LONGEST)]
            else:
                total += opened.sum(axis=1)
            intent = intent @ law.intent_moves(seasons[step])
            factor = law.campaign_factor(spec, treated, day)[:, None]
            chosen = intent * law.qualifies(rate, factor, seasons[step], law.INTENT_RATIO)
            chosen *= (day >= free_from)[:, None]
            intent -= chosen
            intent[:, law.AWARE] += dropped[:, 0]
            intent[:, law.RESEARCHING] += dropped[:, 1]
            spell = spell - opened - dropped
            spell[:, 0] += chosen[:, : law.RESEARCHING].sum(axis=1)
            spell[:, 1] += chosen[:, law.RESEARCHING :].sum(axis=1)
        return total

    def _free_from(self, day: int) -> np.ndarray:
        """First day on which each account may be qualified, as it stands when `day` begins."""
        deals, start = self.world.deals, self.world.spec.start_second
        lost = ~deals.won & (deals.closed != NEVER) & (deals.closed < start + day * DAY)
        free = np.zeros(len(self.world.population), dtype=np.int64)
        last = (deals.closed[lost] - start) // DAY + law.COOLDOWN
        np.maximum.at(free, deals.account[lost], last)
        return free


def participants(world: World, column: int) -> np.ndarray:
    """Indices of the accounts that a trial randomised: invited, and not customers when it began."""
    day = law.trial_days(world.spec, world.spec.trials[column])[0]
    return np.flatnonzero(world.invited[:, column] & (world.states[min(day, world.spec.days)] != law.CUSTOMER))


def _check_horizon(horizon_days: int) -> None:
    if not 1 <= horizon_days <= law.COOLDOWN:
        raise UsageError(
            f"no true probability for {horizon_days} days", where="horizon_days", fix=f"1 to {law.COOLDOWN}"
        )
