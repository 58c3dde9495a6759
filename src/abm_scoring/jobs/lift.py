"""What campaigns did: rows for randomised, adjusted and regional comparisons, gathered from tables and ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from abm_scoring.data.families import families
from abm_scoring.data.tables import Tables
from abm_scoring.features.build import features_at, shared_context
from abm_scoring.features.cohort import ELIGIBLE, CohortSpec
from abm_scoring.features.families import FeatureSpec
from abm_scoring.features.history import History
from abm_scoring.jobs.ledger import ASSIGNMENTS, Link, frozen_scores, read_frozen
from abm_scoring.jobs.realised import Outcomes, within
from abm_scoring.ranking.holdout import LISTED
from abm_scoring.roi.budget_market import Lift
from abm_scoring.roi.lift_spec import DifferencesSpec, LiftSpec
from abm_scoring.roi.trial import Trial, trial

#: Days before the assignment that covariates look at.
_BEFORE = 90


def campaign_rows(tables: Tables, outcomes: Outcomes, campaign_id: str, spec: LiftSpec) -> pd.DataFrame:
    """Rows for `trial` of a campaign in the table `experiments`: everybody who was assigned, as assigned.

    Covariates are what was known before the assignment: events of the last 90 days, employees, revenue. Empty where
    the horizon of no assignment has passed.
    """
    every = tables["experiments"]
    rows = every[(every["campaign_id"] == campaign_id).fillna(False).to_numpy(bool)]
    rows = rows.assign(treated=rows["arm"] == "treatment", as_of=rows["assigned_at"])
    return _with_outcomes(rows[["account_id", "as_of", "treated"]], tables, outcomes, spec)


def holdout_rows(
    links: Sequence[Link], tables: Tables, outcomes: Outcomes, salt: str, spec: LiftSpec
) -> pd.DataFrame | None:
    """Rows for `trial` of the project's holdout: everybody who ever got an arm, from the night on which it did.

    The frozen raw score of that night is a covariate. None where the ledger has no assignments of this salt.
    """
    file = links[-1].folder / ASSIGNMENTS if links else None
    if file is None or not file.is_file():
        return None
    every = read_frozen(file)
    every = every[every["salt"] == salt]
    if every.empty:
        return None
    rows = every.assign(treated=every["arm"] == LISTED, as_of=every["assigned_at"])
    found = _with_outcomes(rows[["account_id", "as_of", "treated"]], tables, outcomes, spec)
    return found.assign(x_raw_score=_raw_scores(found, links))


def trials(
    links: Sequence[Link],
    tables: Tables,
    outcomes: Outcomes,
    salt: str | None,
    spec: LiftSpec,
    costs: Mapping[str, float] | None = None,
) -> list[Trial]:
    """Every randomised comparison whose horizon has passed: the holdout first, then campaigns by name.

    Args:
        links: The chain of runs.
        tables: Canonical tables.
        outcomes: What is known now.
        salt: The holdout's; None = no holdout.
        spec: Level, power, horizon.
        costs: Campaign → what its treated arm cost within the horizon; None: read off the table `costs` (amounts booked
            on the campaign in that time).
    """
    found = []
    if salt is not None:
        rows = holdout_rows(links, tables, outcomes, salt, spec)
        if rows is not None and len(rows):
            found.append(trial(rows, "holdout", spec, (costs or {}).get("holdout")))
    for campaign in sorted(tables["experiments"]["campaign_id"].dropna().astype("str").unique()):
        rows = campaign_rows(tables, outcomes, campaign, spec)
        if len(rows):
            cost = costs.get(campaign) if costs is not None else campaign_cost(tables, campaign, rows, outcomes, spec)
            found.append(trial(rows, campaign, spec, cost))
    return found


def campaign_cost(
    tables: Tables, campaign_id: str, rows: pd.DataFrame, outcomes: Outcomes, spec: LiftSpec
) -> float | None:
    """Amounts booked on a campaign from its first assignment to the end of the last horizon; None where none are."""
    costs = tables["costs"]
    if not len(costs) or "campaign_id" not in costs:
        return None
    until = rows["as_of"].max() + pd.Timedelta(days=_horizon(outcomes, spec))
    inside = (costs["incurred_on"] >= rows["as_of"].min()) & (costs["incurred_on"] < until)
    own = costs[inside & (costs["campaign_id"] == campaign_id).fillna(False)]
    amount = own["amount"] if "amount" in own else pd.Series(np.nan, own.index)
    if {"hours", "hourly_rate"} <= set(own):
        amount = amount.fillna(own["hours"] * own["hourly_rate"])
    return float(amount.sum()) if amount.notna().any() else None


def measured_lift(found: Sequence[Trial], assumed: float) -> Lift | None:
    """What the holdout says of the lifts that a budget assumes: their mean is scaled to its relative effect.

    None where there is no holdout or it cannot tell: then the assumption stands, and the plan says so.

    Args:
        found: From `trials`.
        assumed: Mean assumed lift of the accounts that are worked today.
    """
    own = next((t for t in found if t.name == "holdout"), None)
    if own is None or own.relative.verdict == "cannot tell" or assumed == 0:
        return None
    assert own.relative.estimate is not None and own.relative.se is not None
    return Lift(own.relative.estimate / assumed, own.relative.se / abs(assumed), "holdout")


def _horizon(outcomes: Outcomes, spec: LiftSpec) -> int:
    return spec.horizon_days or outcomes.label.horizon_days


def _with_outcomes(rows: pd.DataFrame, tables: Tables, outcomes: Outcomes, spec: LiftSpec) -> pd.DataFrame:
    """With family, outcome, value (net of cancellations) and covariates, of the rows that have matured."""
    horizon = _horizon(outcomes, spec)
    rows = rows[rows["account_id"].isin(outcomes.history.account_ids)]
    rows = rows[outcomes.matured(rows["as_of"], horizon)].reset_index(drop=True)
    came = outcomes.of(rows, horizon)
    rows = rows.assign(
        family_id=families(tables["accounts"]).reindex(rows["account_id"]).to_numpy(object), converted=came["converted"]
    )
    if "net" in came:
        rows = rows.assign(value=came["net"])
    return pd.concat([rows, _covariates(rows, tables)], axis=1)


def _covariates(rows: pd.DataFrame, tables: Tables) -> pd.DataFrame:
    events = tables["events"]
    facts = events.loc[events["account_id"].notna(), ["account_id", "occurred_at"]].rename(
        columns={"occurred_at": "when"}
    )
    earlier = rows.assign(as_of=rows["as_of"] - pd.Timedelta(days=_BEFORE))
    found = {"x_events": np.log1p(within(facts.assign(n=1.0), "n", earlier, _BEFORE))}
    accounts = tables["accounts"].drop_duplicates("account_id").set_index("account_id")
    for column in ("employee_count", "annual_revenue"):
        if column in accounts:
            values = rows["account_id"].map(accounts[column]).to_numpy("float64")
            found[f"x_{column}"] = np.log1p(np.maximum(values, 0.0))
    return pd.DataFrame(found, index=rows.index)


def _raw_scores(rows: pd.DataFrame, links: Sequence[Link]) -> pd.Series:
    """The raw score that was frozen on the night of the assignment, NaN where that run is not on the chain."""
    found = pd.Series(np.nan, rows.index)
    for link in links:
        of = rows.index[(rows["as_of"] == link.as_of).to_numpy()]
        if len(of):
            frozen = frozen_scores(link, ["account_id", "raw_score"])
            assert frozen is not None
            found.loc[of] = rows.loc[of, "account_id"].map(frozen.set_index("account_id")["raw_score"]).to_numpy()
    return found


def associational_rows(
    history: History,
    tables: Tables,
    outcomes: Outcomes,
    cohort: CohortSpec,
    features: Sequence[FeatureSpec],
    campaign_id: str,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows for `associational` of a campaign that chose whom to touch, and those of its negative control.

    Treated: accounts of the cohort on the day of the campaign's first touch. Untreated: accounts of the cohort that it
    never touched, each on a day drawn from those of the treated. Covariates are the project's features as of that day.
    The negative control asks the same a quarter earlier about activity before the campaign, which was not its doing.

    Args:
        history: All that is known now.
        tables: Canonical tables.
        outcomes: What is known now.
        cohort: Who can be asked about.
        features: Resolved families of features.
        campaign_id: The campaign.
        seed: Draws the days of the untreated.
    """
    rows = _touched_or_not(history, tables["events"], campaign_id, seed)
    rows = rows[(cohort.status(history.at(rows)) == ELIGIBLE).to_numpy()].reset_index(drop=True)
    horizon = outcomes.label.horizon_days
    rows = rows[outcomes.matured(rows["as_of"], horizon)].reset_index(drop=True)
    family = families(tables["accounts"]).reindex(rows["account_id"]).to_numpy(object)
    came = outcomes.of(rows, horizon).rename(columns={"net": "value"})
    wanted = [c for c in ("converted", "value") if c in came]
    found = pd.concat([rows, came[wanted], _as_covariates(history, rows, features)], axis=1).assign(family_id=family)
    earlier = rows.assign(as_of=(rows["as_of"] - pd.Timedelta(days=_BEFORE)).astype("datetime64[us, UTC]"))
    active = np.log1p(within(_inbound(tables["events"]), "n", earlier, _BEFORE))
    negative = pd.concat([earlier.assign(converted=active), _as_covariates(history, earlier, features)], axis=1)
    return found, negative.assign(family_id=family)


def region_panel(
    tables: Tables,
    outcomes: Outcomes,
    regions: Sequence[str],
    launched_at: pd.Timestamp,
    spec: DifferencesSpec,
    period_days: int = 30,
) -> pd.DataFrame:
    """Panel for `differences`: conversions of every account that was known throughout, by period of `period_days`.

    Args:
        tables: Canonical tables; accounts need `region`.
        outcomes: What is known now.
        regions: Where the campaign was launched.
        launched_at: When.
        spec: Periods before and after.
        period_days: Length of a period.
    """
    accounts = tables["accounts"].drop_duplicates("account_id")
    step = pd.Timedelta(days=period_days)
    start = launched_at - spec.before_periods * step
    known = accounts["known_at"].isna() | (accounts["known_at"] < start) if "known_at" in accounts else True
    accounts = accounts[known & accounts["region"].notna() & accounts["account_id"].isin(outcomes.history.account_ids)]
    about = accounts[["account_id", "region"]].reset_index(drop=True)
    about["launched"] = about["region"].isin(list(regions))
    about["family_id"] = families(tables["accounts"]).reindex(about["account_id"]).to_numpy(object)
    parts = []
    for period in range(-spec.before_periods, spec.after_periods):
        rows = about.assign(as_of=(launched_at + period * step).as_unit("us"), period=period)
        came = outcomes.of(rows, period_days)["converted"].astype("float64")
        parts.append(rows.assign(outcome=came))
    return pd.concat(parts, ignore_index=True)


def _touched_or_not(history: History, events: pd.DataFrame, campaign_id: str, seed: int) -> pd.DataFrame:
    """Every account once, with the day of its first touch by the campaign or a drawn one; `treated`."""
    own = events[(events["campaign_id"] == campaign_id).fillna(False).to_numpy(bool) & events["account_id"].notna()]
    first = own.groupby("account_id")["occurred_at"].min().dt.floor("D").sort_index()
    first = first[first.index.isin(history.account_ids)]
    others = history.account_ids.difference(first.index)
    days = np.sort(first.to_numpy("datetime64[us]"))
    drawn = np.random.default_rng(seed).choice(days, len(others)) if len(days) else days[:0]
    rows = pd.DataFrame(
        {
            "account_id": pd.Series([*first.index, *others[: len(drawn)]], dtype="str"),
            "as_of": pd.Series(np.concatenate([first.to_numpy("datetime64[us]"), drawn])).dt.tz_localize("UTC"),
        }
    )
    return rows.assign(treated=np.arange(len(rows)) < len(first))


def _as_covariates(history: History, rows: pd.DataFrame, features: Sequence[FeatureSpec]) -> pd.DataFrame:
    context = shared_context(history, features, rows)
    return features_at(history, rows[["account_id", "as_of"]], features, context).add_prefix("x_")


def _inbound(events: pd.DataFrame) -> pd.DataFrame:
    """What accounts did by themselves, as facts that can be counted."""
    kept = events["account_id"].notna()
    if "direction" in events:
        kept &= (events["direction"] != "outbound").fillna(True).to_numpy(bool)
    return events.loc[kept, ["account_id", "occurred_at"]].rename(columns={"occurred_at": "when"}).assign(n=1.0)
