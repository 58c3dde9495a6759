"""Leak audit: features that know the outcome rather than foretell it.

Every feature of the past is cut at `as_of`, so what is left are columns that carry no date of their own and were filled
or changed later, events that were dated back, and identifiers. Data alone cannot prove that; they can show what hardly
any honest feature shows. Each rule states the number that it saw, and the limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from abm_scoring.errors import BadDataError, ConfigError
from abm_scoring.features.catalogue import Feature
from abm_scoring.learning.aftermath import MIN_ACCOUNTS
from abm_scoring.learning.encoded_columns import numbers, texts
from abm_scoring.learning.folds import family_folds
from abm_scoring.learning.intervals import logistic_of
from abm_scoring.learning.metrics import as_seen, auc
from abm_scoring.learning.outcome import Outcome
from abm_scoring.learning.rungs import fit_rung
from abm_scoring.learning.specs import LeakageSpec, ModelSpec
from abm_scoring.learning.training_set import TrainingSet, thinned

Rule = Literal["single_feature", "only_converters", "missingness", "identifier", "after_outcome"]

#: The account table is the one whose columns may have no date of their own.
UNDATED_SOURCE = "accounts"
#: Rows that single features are judged on: all conversions and a weighted sample of the others.
ROWS = 20_000
#: A limit must be exceeded by this many standard errors.
CERTAIN = 2.0
#: Of the accounts that a feature marks, this share of the usual share may stay unconverted before it is suspected.
UNCONVERTED = 0.2
#: Share of an event type's events that follow the outcome before the type is taken for a consequence of it.
AFTER = 0.98


@dataclass(frozen=True)
class Finding:
    """One feature that breaks one rule.

    Attributes:
        feature: Name of the feature.
        rule: Which rule.
        value: What was measured.
        limit: What would have been accepted.
        sentence: The same in words.
        blocks: Whether training must not go on because of it.
        allowed: The reason given in the configuration for using it nevertheless; None = not allowed.
    """

    feature: str
    rule: Rule
    value: float
    limit: float
    sentence: str
    blocks: bool = True
    allowed: str | None = None


def audit(training: TrainingSet, spec: LeakageSpec, after: Mapping[str, float] | None = None) -> tuple[Finding, ...]:
    """What looks like a leak, in the order of the catalogue.

    Args:
        training: All matured rows.
        spec: Limits and what is allowed.
        after: From `events_after_outcome`: event type → share of its events that follow the outcome.

    Raises:
        ConfigError: A feature is allowed that does not exist.
    """
    _check_allowed(training.catalogue, spec)
    found = list(_after_outcome(training.catalogue, after or {}))
    converted = len(set(training.account_id[training.converted].tolist()))
    others = len(set(training.account_id[~training.converted].tolist()))
    if min(converted, others) >= MIN_ACCOUNTS:
        rows, accounts = thinned(training, ROWS, seed=0), _last_rows(training)
        for feature in training.catalogue:
            found += _judge(rows, accounts, feature, spec, min(converted, others))
    place = {feature.name: i for i, feature in enumerate(training.catalogue)}
    found.sort(key=lambda finding: place[finding.feature])
    return tuple(replace(finding, allowed=spec.allow.get(finding.feature)) for finding in found)


def block(findings: tuple[Finding, ...]) -> None:
    """Stop where a finding blocks and is not allowed.

    Raises:
        BadDataError: Names each such feature with the reason.
    """
    leaks = [finding for finding in findings if finding.blocks and finding.allowed is None]
    if not leaks:
        return
    named = "; ".join(finding.sentence for finding in leaks[:5])
    more = f"; and {len(leaks) - 5} more" if len(leaks) > 5 else ""
    names = ", ".join(f"{name}: why it is known beforehand" for name in dict.fromkeys(f.feature for f in leaks[:2]))
    raise BadDataError(
        f"leak suspected: {named}{more}",
        where="features",
        fix=f"leave the features out, or allow them with model.leakage.allow: {{{names}}}",
    )


def audit_results(findings: tuple[Finding, ...], catalogue: tuple[Feature, ...], spec: LeakageSpec) -> dict[str, Any]:
    """The audit as JSON values: `findings`, `allowed` and `undated`, the features that no date protects."""
    return {
        "findings": [asdict(finding) for finding in findings],
        "allowed": dict(spec.allow),
        "undated": [feature.name for feature in catalogue if feature.source == UNDATED_SOURCE],
    }


def random_split_auc(training: TrainingSet, outcome: Outcome, spec: ModelSpec) -> float | None:
    """AUC on rows drawn at random, of a model fitted on the others: what an evaluation without time would claim.

    As many rows are tested as in the forward test, with the shipped recipe but one boosted model only, and for the
    rung `hazard` with the average of the same two models. Neighbouring
    snapshots of one account stand on both sides, so the figure is too good; only its distance from the forward one is
    of interest.

    Args:
        training: All matured rows.
        outcome: What training came to.
        spec: What was fitted.
    """
    model = logistic_of(outcome.model)
    if model is None or not outcome.n_test:
        return None
    order, n_test = np.random.default_rng(spec.seed).permutation(len(training)), int(outcome.windows.test.sum())
    held, rows = np.sort(order[:n_test]), np.sort(order[n_test:])
    test, fit = training.take(held), training.take(rows)
    if min(fit.converted.sum(), test.converted.sum()) < MIN_ACCOUNTS or fit.converted.all() or test.converted.all():
        return None
    # The penalty is the shipped one: searching it again would cost more than the fit itself.
    single = spec.boosting.model_copy(update={**outcome.boosting, "bags": 1})
    fixed = spec.model_copy(update={"ridge": (model.ridge,), "boosting": single})
    found, _ = fit_rung(
        "logistic" if outcome.rung == "logistic" else "average", fit, fixed, outcome.windows.embargo_days
    )
    return _auc(found.log_odds(test.features), test.converted, test.weights)


def _check_allowed(catalogue: tuple[Feature, ...], spec: LeakageSpec) -> None:
    names = [feature.name for feature in catalogue]
    for name in spec.allow:
        if name not in names:
            raise ConfigError(
                f"model.leakage.allow: there is no feature {name!r}",
                fix="`abm-scoring train --json` lists the features; take out what is not among them",
            )


def _after_outcome(catalogue: tuple[Feature, ...], after: Mapping[str, float]) -> Iterator[Finding]:
    for feature in catalogue:
        share = after.get(str(feature.args.get("event_type", "")), 0.0)
        if feature.source == "events" and share >= AFTER:
            yield Finding(
                feature.name,
                "after_outcome",
                share,
                AFTER,
                f"{feature.name}: {share:.0%} of the events of type {feature.args['event_type']!r} follow the outcome; "
                "they cannot foretell it",
                # As long as their dates are right no row sees them; rows that do are the business of the other rules.
                blocks=False,
            )


def _judge(
    rows: TrainingSet, accounts: TrainingSet, feature: Feature, spec: LeakageSpec, proof: int
) -> Iterator[Finding]:
    """The rules that look at one feature.

    Args:
        rows: A weighted sample.
        accounts: From `_last_rows`.
        feature: The feature.
        spec: Limits.
        proof: Accounts of either kind, the smaller number.
    """
    undated = feature.source == UNDATED_SOURCE
    alone = _auc(_as_score(rows, feature), rows.converted, rows.weights)
    if undated and _never_changes(rows, feature):
        # Rows of a converter long before it converts count as unconverted, and would hide what marks the account.
        alone = max(alone, _auc(_as_score(accounts, feature), accounts.converted, accounts.weights))
    if _above(alone, spec.max_auc, proof):
        yield Finding(
            feature.name,
            "single_feature",
            alone,
            spec.max_auc,
            f"{feature.name}: alone it tells converters from the others with an AUC of {alone:.3f} "
            f"(limit {spec.max_auc:g}){_no_date(undated)}",
        )
    missing, error = _auc_of_missing(rows, feature, proof)
    if undated and missing - CERTAIN * error > spec.max_missing_auc:
        yield Finding(
            feature.name,
            "missingness",
            missing,
            spec.max_missing_auc,
            f"{feature.name}: whether it is filled tells converters from the others with an AUC of {missing:.3f} "
            f"(limit {spec.max_missing_auc:g}){_no_date(undated)}",
        )
    # A column without a date marks an account in all its rows, long before it converts.
    yield from _only_converters(accounts if undated else rows, feature, undated)
    if undated and feature.kind == "category":
        levels = texts(accounts.features, feature.name).nunique()
        if levels > spec.max_categories:
            yield Finding(
                feature.name,
                "identifier",
                float(levels),
                float(spec.max_categories),
                f"{feature.name}: {levels} different values (limit {spec.max_categories}) name accounts rather than "
                "describe them",
            )


def _last_rows(training: TrainingSet) -> TrainingSet:
    """The last row of each account; converted = the account ever did, weight = how many accounts it stands for."""
    codes, ids = pd.factorize(training.account_id)
    ever = np.bincount(codes, weights=training.converted) > 0
    last = np.zeros(len(ids), dtype=np.intp)
    last[codes] = np.arange(len(codes))
    weight = None if training.weight is None else _accounts_stood_for(codes, training.weight, ever)
    return replace(training.take(last), converted=ever, weight=weight)


def _accounts_stood_for(codes: np.ndarray, weight: np.ndarray, ever: np.ndarray) -> np.ndarray:
    """How many accounts each one in a sample of rows stands for.

    A converter is there by its conversions. Another account is there if any of its m rows was drawn; where each was
    with probability s, a share of 1 − (1 − s)ᵐ of such accounts is. How many rows they had follows from the rows that
    each account in the sample stands for, m ÷ (1 − (1 − s)ᵐ) in the mean.

    Args:
        codes: n numbers of accounts.
        weight: n weights of rows.
        ever: Whether each account converted.
    """
    found = np.ones(len(ever))
    others = ~ever[codes]
    if not others.any() or weight.min() > 1:
        # Where conversions were not all kept, rows were drawn alike, and so were accounts.
        return found
    share = others.sum() / weight[others].sum()
    mean = m = weight[others].sum() / (~ever).sum()
    for _ in range(100):
        m = mean * (1 - (1 - share) ** m)
    found[~ever] = mean / m
    return found


def _only_converters(rows: TrainingSet, feature: Feature, undated: bool) -> Iterator[Finding]:
    """Rows that the feature marks out - filled, or other than usual - convert nearly all."""
    marked = _marked(rows, feature)
    weights = rows.weights
    n = len(set(rows.account_id[marked].tolist()))
    if n < MIN_ACCOUNTS or marked.all():
        return
    base = float(np.average(rows.converted, weights=weights))
    share = float(np.average(rows.converted[marked], weights=weights[marked]))
    limit = 1 - UNCONVERTED * (1 - base)
    if _wilson_low(share, n) > limit:
        yield Finding(
            feature.name,
            "only_converters",
            share,
            limit,
            f"{feature.name}: {share:.0%} of the {'accounts' if undated else 'rows'} where it is filled or unusual "
            f"convert, against {base:.1%} of all (limit {limit:.0%}){_no_date(undated)}",
        )


def _no_date(undated: bool) -> str:
    return "; it has no date of its own and may have been filled after the outcome" if undated else ""


def _as_score(rows: TrainingSet, feature: Feature) -> np.ndarray:
    """A number by itself, missing lowest; a category by the conversion rate of its value in other families' rows."""
    if feature.kind == "number":
        values = numbers(rows.features, feature.name)
        return np.where(np.isnan(values), -np.inf, values)
    codes = pd.factorize(texts(rows.features, feature.name))[0] + 1
    score, weight = np.zeros(len(rows)), rows.weights
    for fit, check in family_folds(rows.family, seed=0):
        positive = np.bincount(codes[fit], weights=(weight * rows.converted)[fit], minlength=codes.max() + 1)
        total = np.bincount(codes[fit], weights=weight[fit], minlength=codes.max() + 1)
        base = positive.sum() / total.sum() if total.sum() else 0.0
        # Ten rows' worth of the mean, so that a value seen once is not taken at its word.
        score[check] = ((positive + 10 * base) / (total + 10))[codes[check]]
    return score


def _never_changes(rows: TrainingSet, feature: Feature) -> bool:
    """Whether each account has the same value in all its rows."""
    account, accounts = pd.factorize(rows.account_id)
    value, values = pd.factorize(rows.features[feature.name], use_na_sentinel=False)
    return len(pd.unique(account * len(values) + value)) == len(accounts)


def _auc_of_missing(rows: TrainingSet, feature: Feature, proof: int) -> tuple[float, float]:
    """AUC of being missing and its standard error: ½ + half the difference of two rates, of `proof` accounts each."""
    missing = _missing(rows, feature)
    kinds = (rows.converted, ~rows.converted)
    rates = np.array([np.average(missing[kind], weights=rows.weights[kind]) for kind in kinds])
    # Half an account on either side keeps a rate of 0 or 1 from looking certain.
    cautious = (rates * proof + 0.5) / (proof + 1)
    error = np.sqrt((cautious * (1 - cautious)).sum() / proof) / 2
    return float(0.5 + abs(rates[0] - rates[1]) / 2), float(error)


def _missing(rows: TrainingSet, feature: Feature) -> np.ndarray:
    missing: np.ndarray = rows.features[feature.name].isna().to_numpy()
    return missing


def _marked(rows: TrainingSet, feature: Feature) -> np.ndarray:
    """Rows where the feature is filled and, if most rows share one value, is not that value."""
    given, missing = rows.features[feature.name], _missing(rows, feature)
    if missing.all():
        return ~missing
    codes, _ = pd.factorize(given)
    counts = np.bincount(codes[~missing], weights=rows.weights[~missing])
    usual = int(np.argmax(counts))
    return ~missing & (codes != usual) if counts[usual] > rows.weights.sum() / 2 else ~missing


def _auc(score: np.ndarray, converted: np.ndarray, weights: np.ndarray) -> float:
    """Of the better direction; .5 where it is undefined."""
    area = float(auc(as_seen(score, converted, weights))[0])
    return max(area, 1 - area) if np.isfinite(area) else 0.5


def _above(area: float, limit: float, accounts: int) -> bool:
    """Whether an AUC exceeds a limit beyond chance; its error cannot exceed that of `accounts` pairs."""
    return bool(area - CERTAIN * np.sqrt(area * (1 - area) / accounts) > limit)


def _wilson_low(share: float, n: int) -> float:
    """Lower end of Wilson's 95 % interval (Wilson 1927)."""
    z = 1.959964
    middle = share + z * z / (2 * n)
    return float((middle - z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))) / (1 + z * z / n))
