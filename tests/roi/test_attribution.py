"""Credit rules against slow oracles that follow their definitions, and the laws they obey."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import combinations, permutations
from math import factorial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.errors import BadDataError
from abm_scoring.roi.attribution import markov, touches
from abm_scoring.roi.attribution import paths as paths_module
from abm_scoring.roi.attribution.credits import NO_TOUCH, attribute
from abm_scoring.roi.attribution.paths import Paths, parse
from abm_scoring.roi.attribution.spec import (
    AttributionSpec,
    FirstTouch,
    LastTouch,
    Linear,
    Markov,
    Rule,
    Shapley,
    TimeDecay,
    UShaped,
    WShaped,
    rule_name,
)

UNITS = "abcd"
RULES: tuple[Rule, ...] = (
    *AttributionSpec().rules,
    Markov(order=2),
    Markov(order=3),
)


@st.composite
def some_paths(draw: st.DrawFn, min_size: int = 1) -> Paths:
    texts = draw(st.lists(st.lists(st.sampled_from(UNITS), max_size=6), min_size=min_size, max_size=12))
    n = len(texts)
    wins = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)), float)
    nulls = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)), float)
    each = np.array(draw(st.lists(st.integers(-50, 500), min_size=n, max_size=n)), float)
    return made(texts, wins, np.where(wins > 0, each, 0.0), nulls)


def made(texts: list[list[str]], wins: np.ndarray, money: np.ndarray, nulls: np.ndarray) -> Paths:
    codes = np.array([UNITS.index(u) for path in texts for u in path], "int32")
    offsets = np.concatenate([[0], np.cumsum([len(p) for p in texts])]).astype("int64")
    days = np.concatenate([np.arange(len(p), 0, -1) * 3.0 for p in texts]) if len(codes) else np.zeros(0)
    return Paths(tuple(UNITS), codes, offsets, wins, money, nulls, days, None, np.arange(len(texts)) // 2)


def as_lists(paths: Paths) -> list[list[int]]:
    return [list(paths.codes[a:b]) for a, b in zip(paths.offsets[:-1], paths.offsets[1:], strict=True)]


def by_definition(kind: str, n: int) -> list[float]:
    """Shares of a path of n touches, straight from the rule's words."""
    if kind == "first":
        return [1.0] + [0.0] * (n - 1)
    if kind == "last":
        return [0.0] * (n - 1) + [1.0]
    if kind == "linear":
        return [1 / n] * n
    if kind == "u_shaped":
        return {1: [1.0], 2: [0.5, 0.5]}.get(n) or [0.4, *[0.2 / (n - 2)] * (n - 2), 0.4]
    if kind == "w_shaped":
        if n < 4:
            return {1: [1.0], 2: [0.5, 0.5], 3: [1 / 3] * 3}[n]
        shares = [0.1 / (n - 3)] * n
        shares[0] = shares[(n - 1) // 2] = shares[-1] = 0.3
        return shares
    raw = [2 ** (-3.0 * (n - i) / 7) for i in range(n)]
    return [r / sum(raw) for r in raw]


@given(some_paths())
@settings(max_examples=60, deadline=None)
def test_rules_by_place_and_age_follow_their_words(paths: Paths) -> None:
    for rule in (FirstTouch(), LastTouch(), Linear(), UShaped(), WShaped(), TimeDecay()):
        expected = [share for path in as_lists(paths) if path for share in by_definition(rule.kind, len(path))]
        assert rule.weights(paths) == pytest.approx(expected)


def worth(paths: Paths, inside: set[int]) -> float:
    """v(S): conversions whose path uses no unit outside S."""
    return sum(w for path, w in zip(as_lists(paths), paths.wins, strict=True) if path and set(path) <= inside)


@given(some_paths())
@settings(max_examples=30, deadline=None)
def test_shapley_is_the_mean_marginal_worth_over_all_orders(paths: Paths) -> None:
    expected = np.zeros(len(UNITS))
    for order in permutations(range(len(UNITS))):
        for k, unit in enumerate(order):
            expected[unit] += worth(paths, set(order[: k + 1])) - worth(paths, set(order[:k]))
    found = touches.credit(paths, Shapley().weights(paths))[:, 0]
    assert found == pytest.approx(expected / factorial(len(UNITS)))


@given(some_paths(), some_paths())
@settings(max_examples=40, deadline=None)
def test_shapleys_axioms(one: Paths, two: Paths) -> None:
    def phi(p: Paths) -> np.ndarray:
        return touches.credit(p, Shapley().weights(p))[:, 0]

    everyone = set(range(len(UNITS)))
    assert phi(one).sum() == pytest.approx(worth(one, everyone))  # efficiency
    both = made(
        [[UNITS[c] for c in path] for path in as_lists(one) + as_lists(two)],
        *(np.concatenate([getattr(one, k), getattr(two, k)]) for k in ("wins", "money", "nulls")),
    )
    assert phi(both) == pytest.approx(phi(one) + phi(two))  # additivity
    for unit in everyone:  # null player: adds nothing to any set
        others = [set(c) for k in range(4) for c in combinations(everyone - {unit}, k)]
        if all(worth(one, s | {unit}) == worth(one, s) for s in others):
            assert phi(one)[unit] == 0
    swapped = made(
        [["ba"["ab".index(UNITS[c])] if UNITS[c] in "ab" else UNITS[c] for c in path] for path in as_lists(one)],
        one.wins, one.money, one.nulls,
    )  # fmt: skip
    assert phi(swapped)[[1, 0, 2, 3]] == pytest.approx(phi(one))  # symmetry: names do not matter


def enumerated_effect(paths: Paths, order: int, without: int | None) -> tuple[float, float]:
    """Expected wins and money of one walk through the chain, by stepping the distribution over states to its end."""
    moves: dict[tuple[int, ...], dict[object, float]] = {}
    for path, w, n, m in zip(as_lists(paths), paths.wins, paths.nulls, paths.money, strict=True):
        if not path or w + n == 0:
            continue
        state: tuple[int, ...] = ()
        for touch in path:
            at = moves.setdefault(state, {})
            at[touch] = at.get(touch, 0.0) + w + n
            state = (*state, touch)[-order:]
        at = moves.setdefault(state, {})
        for end, amount in (("win", w), ("null", n), ("money", m)):
            at[end] = at.get(end, 0.0) + amount
    now: dict[tuple[int, ...], float] = {(): 1.0}
    won = brought = 0.0
    for _ in range(4000):
        if not now or max(now.values()) < 1e-14:
            break
        after: dict[tuple[int, ...], float] = {}
        for state, chance in now.items():
            at = moves.get(state, {})
            total = sum(v for k, v in at.items() if k != "money")
            if total == 0:
                continue
            won += chance * at.get("win", 0.0) / total
            brought += chance * at.get("money", 0.0) / total
            for touch, count in at.items():
                if isinstance(touch, int | np.integer) and touch != without:
                    key = (*state, int(touch))[-order:]
                    after[key] = after.get(key, 0.0) + chance * count / total
        now = after
    return won, brought


@pytest.mark.parametrize("order", [1, 2, 3])
@given(paths=some_paths())
@settings(max_examples=20, deadline=None)
def test_removal_effects_are_those_of_walking_the_chain(order: int, paths: Paths) -> None:
    whole = enumerated_effect(paths, order, None)
    found = markov.removal_effects(markov.chain(paths, order))
    for unit in range(len(UNITS)):
        rest = enumerated_effect(paths, order, unit)
        if whole[0] > 0:
            assert found[unit, 0] == pytest.approx(1 - rest[0] / whole[0], abs=1e-6)
        if abs(whole[1]) > 1e-6:
            assert found[unit, 1] == pytest.approx(1 - rest[1] / whole[1], abs=1e-5, rel=1e-5)


def test_the_sparse_solution_and_the_sorted_count_are_the_dense_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    texts = [[UNITS[c] for c in rng.integers(0, 4, rng.integers(1, 8))] for _ in range(300)]
    wins = rng.integers(0, 2, 300).astype(float)
    paths = made(texts, wins, wins * rng.lognormal(5, 1, 300), 1 - wins)
    dense = [markov.removal_effects(markov.chain(paths, k)) for k in (1, 2, 3)]
    monkeypatch.setattr(markov, "_DENSE", 1)
    monkeypatch.setattr(markov, "_TABLE", 1)
    sparse = [markov.removal_effects(markov.chain(paths, k)) for k in (1, 2, 3)]
    for one, two in zip(dense, sparse, strict=True):
        assert two == pytest.approx(one, abs=1e-10)


@given(some_paths())
@settings(max_examples=25, deadline=None)
def test_every_rule_gives_away_all_wins_and_all_money(paths: Paths) -> None:
    found = attribute(paths, AttributionSpec(rules=RULES, draws=0))
    sums = found.credits.groupby("rule")[["wins", "money"]].sum()
    assert sums["wins"].to_numpy() == pytest.approx(np.full(len(RULES), paths.wins.sum()), abs=1e-9)
    touched = paths.wins[paths.lengths > 0].sum()
    if touched or not paths.wins.sum():
        assert sums["money"].to_numpy() == pytest.approx(np.full(len(RULES), paths.money.sum()), abs=1e-7)
    assert (found.credits["wins"] >= -1e-12).all()


@given(some_paths(min_size=2), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_the_order_of_paths_changes_nothing(paths: Paths, rng: object) -> None:
    order = list(range(len(paths)))
    rng.shuffle(order)  # type: ignore[attr-defined]
    texts = [[UNITS[c] for c in path] for path in as_lists(paths)]
    other = made([texts[k] for k in order], paths.wins[order], paths.money[order], paths.nulls[order])
    spec = AttributionSpec(rules=RULES, draws=0)
    columns = ["wins", "money"]
    one, two = (attribute(p, spec).credits.sort_values(["rule", "unit"])[columns].to_numpy() for p in (paths, other))
    assert two == pytest.approx(one, abs=1e-9)


def simple() -> Paths:
    """Six accounts; e-mail begins, an event closes; the last win came from nowhere."""
    texts = ["email > ad > event", "email > event", "ad", "ad > ad", "event", ""]
    paths = parse(
        texts, np.array([1, 1, 0, 0, 1, 1]), np.array([100, 300, 0, 0, -20, 50]), np.array([0, 0, 1, 1, 0, 0])
    )
    return Paths(
        paths.units, paths.codes, paths.offsets, paths.wins, paths.money, paths.nulls,
        days=np.array([9, 4, 1, 8, 2, 3, 5, 2, 0], float), family=np.array([0, 1, 2, 2, 3, 4]),
    )  # fmt: skip


def test_credit_side_by_side_with_its_disagreement() -> None:
    found = attribute(simple(), AttributionSpec(draws=0))
    assert simple().units == ("ad", "email", "event")
    wide = found.side_by_side("wins").set_index("unit")
    assert list(wide.columns) == [*(rule_name(r) for r in AttributionSpec().rules), "disagreement"]
    assert wide.loc["email", "first"] == 2 and wide.loc["email", "last"] == 0
    assert wide.loc["event", "linear"] == pytest.approx(1 / 3 + 1 / 2 + 1)
    assert wide.loc["email", "disagreement"] == 2
    assert (wide.loc[NO_TOUCH] == [1] * 8 + [0]).all()
    money = found.side_by_side("money").set_index("unit")
    assert money.loc["event", "last"] == 380 and money.loc["event", "first"] == -20
    assert found.side_by_side()["unit"].iloc[0] == "event"


def test_a_known_milestone_takes_the_third_peak_of_w() -> None:
    paths = parse(["a > b > c > d > e"], np.ones(1), np.ones(1), np.zeros(1))
    known = Paths(
        paths.units, paths.codes, paths.offsets, paths.wins, paths.money, paths.nulls, milestone=np.array([1])
    )
    assert WShaped().weights(known) == pytest.approx([0.3, 0.3, 0.05, 0.05, 0.3])
    assert WShaped().weights(paths) == pytest.approx([0.3, 0.05, 0.3, 0.05, 0.3])
    at_end = Paths(
        paths.units, paths.codes, paths.offsets, paths.wins, paths.money, paths.nulls, milestone=np.array([4])
    )
    assert WShaped().weights(at_end) == pytest.approx([0.3, *[0.1 / 3] * 3, 0.6])


def test_very_old_touches_do_not_underflow() -> None:
    paths = parse(["a > b"], np.ones(1), np.ones(1), np.zeros(1))
    old = Paths(
        paths.units,
        paths.codes,
        paths.offsets,
        paths.wins,
        paths.money,
        paths.nulls,
        days=np.array([40_007.0, 40_000.0]),
    )
    assert TimeDecay(half_life_days=7).weights(old) == pytest.approx([1 / 3, 2 / 3])


def resampled_by_hand(paths: Paths, rule: Rule, weights: np.ndarray) -> np.ndarray:
    """Wins a unit of a resample in which each path counts as often as its family was drawn."""
    w = weights[paths.family]  # type: ignore[index]
    drawn = Paths(
        paths.units, paths.codes, paths.offsets, paths.wins * w, paths.money * w, paths.nulls * w, paths.days,
        family=paths.family,
    )  # fmt: skip
    return attribute(drawn, AttributionSpec(rules=(rule,), draws=0)).credits["wins"].to_numpy()


@pytest.mark.parametrize("rule", [Linear(), Shapley(), Markov(), Markov(order=2)], ids=rule_name)
def test_intervals_are_those_of_drawing_whole_families(rule: Rule) -> None:
    paths, draws = simple(), 100
    found = attribute(paths, AttributionSpec(rules=(rule,), draws=draws, seed=5)).credits
    drawn = np.random.default_rng(5).multinomial(5, np.full(5, 0.2), size=draws).astype(float)
    expected = np.zeros((draws, len(found)))
    for k, weights in enumerate(drawn):
        by_hand = resampled_by_hand(paths, rule, weights)
        expected[k, : len(by_hand)] = by_hand
    assert found["wins_low"].to_numpy() == pytest.approx(np.quantile(expected, 0.025, axis=0), abs=1e-9)
    assert found["wins_high"].to_numpy() == pytest.approx(np.quantile(expected, 0.975, axis=0), abs=1e-9)
    assert (found["share_low"] <= found["share"] + 1e-12).all() and (
        found["share"] <= found["share_high"] + 1e-12
    ).all()


def test_more_accounts_make_narrower_intervals() -> None:
    rng = np.random.default_rng(1)

    def width(n: int) -> float:
        texts = [[UNITS[c] for c in rng.integers(0, 4, 3)] for _ in range(n)]
        wins = rng.integers(0, 2, n).astype(float)
        paths = made(texts, wins, wins, 1 - wins)
        found = attribute(paths, AttributionSpec(rules=(Linear(),), draws=300)).credits
        return float((found["share_high"] - found["share_low"]).mean())

    assert width(4000) == pytest.approx(width(250) / 4, rel=0.3)


def test_paths_of_nobody_have_no_interval_and_say_so() -> None:
    paths = parse(["a > b"], np.array([5]), np.array([1]), np.array([7]))
    found = attribute(paths, AttributionSpec(rules=(Linear(), Markov())))
    assert found.credits["wins_low"].isna().all() and "no account families" in found.notes[0]


def test_the_result_is_json_and_says_what_credit_is_not() -> None:
    found = json.loads(json.dumps(attribute(simple()).as_json(), allow_nan=False))
    assert found["wins"] == 4 and "holdout" in found["what_credit_is_not"]
    assert {row["rule"] for row in found["credits"]} == {rule_name(r) for r in AttributionSpec().rules}


def test_a_second_run_is_the_same_to_the_bit() -> None:
    pd.testing.assert_frame_equal(attribute(simple()).credits, attribute(simple()).credits, check_exact=True)


@pytest.mark.parametrize(
    ("wins", "money", "nulls", "message"),
    [([-1.0], [0.0], [0.0], "below 0"), ([0.0], [5.0], [1.0], "without a win"), ([np.nan], [0.0], [1.0], "finite")],
)
def test_impossible_paths_are_refused(wins: list[float], money: list[float], nulls: list[float], message: str) -> None:
    with pytest.raises(BadDataError, match=message):
        parse(["a"], np.array(wins), np.array(money), np.array(nulls))


def test_time_decay_without_times_is_refused() -> None:
    with pytest.raises(BadDataError, match="leave out the rule"):
        attribute(parse(["a"], np.ones(1), np.ones(1), np.zeros(1)))


_LIGHT = """
import sys
import numpy as np
from abm_scoring.roi.attribution.credits import attribute
from abm_scoring.roi.attribution.paths import Paths
from abm_scoring.roi.attribution.spec import AttributionSpec
codes, offsets, two = np.array([0, 1, 1], "int32"), np.array([0, 2, 3]), np.ones(2)
paths = Paths(("a", "b"), codes, offsets, two, two, np.zeros(2), np.ones(3))
found = attribute(paths, AttributionSpec(draws=0))
assert [sum(rule.wins) for rule in found.rules] == [2.0] * 8
print(*sorted({"pandas", "numba", "scipy", "pyarrow"} & sys.modules.keys()))
"""


def test_credit_without_intervals_needs_numpy_alone() -> None:
    """Whoever has paths only pays neither for data frames nor for a compiler, in memory or in time."""
    done = subprocess.run([sys.executable, "-c", _LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@given(some_paths())
@settings(max_examples=20, deadline=None)
def test_parts_of_paths_are_the_paths(paths: Paths) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths_module, "_TOGETHER", 3)
        spec = AttributionSpec(rules=RULES, draws=0)
        found = attribute(paths, spec).credits
        assert [c for part in paths.parts() for c in part.codes] == list(paths.codes)
    pd.testing.assert_frame_equal(found, attribute(paths, spec).credits, rtol=1e-9)


def test_a_rule_stands_once_and_shares_stay_below_one() -> None:
    with pytest.raises(ValueError, match="twice"):
        AttributionSpec(rules=(Linear(), Linear()))
    with pytest.raises(ValueError, match="at most 1"):
        UShaped(first=0.7, last=0.4)
