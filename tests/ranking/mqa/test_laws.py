"""Laws of the machine, on random nights, and a slow oracle that says the same in plain Python."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.ranking.mqa.log import joined, state_of
from abm_scoring.ranking.mqa.machine import decide
from abm_scoring.ranking.mqa.replay import Night, replay
from abm_scoring.ranking.mqa.spec import CooldownSpec, FixedThreshold, MqaSpec
from tests.ranking.mqa.nights import answers, at, night, steps

ACCOUNTS = "abcdefgh"
POLICY = st.builds(
    MqaSpec,
    threshold=st.builds(FixedThreshold, enter=st.just(60.0), leave=st.sampled_from([30.0, 60.0])),
    min_days=st.integers(0, 4),
    max_days=st.sampled_from([None, 5, 8]),
    capacity=st.sampled_from([None, 1, 3]),
    cooldown_days=st.builds(
        CooldownSpec,
        accepted=st.integers(0, 6),
        rejected=st.integers(0, 6),
        recycled=st.integers(0, 3),
        expired=st.integers(0, 3),
    ),
    breaker_from=st.integers(1, 4),
    max_flip_share=st.sampled_from([0.5, 1.0, 5.0]),
)
ANSWERS = st.lists(
    st.tuples(
        st.sampled_from(ACCOUNTS),
        st.integers(-40, 60).map(lambda quarter: quarter / 4),
        st.sampled_from(["accepted", "rejected", "recycled"]),
    ),
    max_size=6,
    unique_by=lambda row: row[:2],
)


@st.composite
def worlds(draw: st.DrawFn) -> list[Night]:
    nights = []
    for day in range(draw(st.integers(1, 10))):
        scores = draw(st.dictionaries(st.sampled_from(ACCOUNTS), st.integers(0, 20).map(lambda s: 5.0 * s), max_size=8))
        nights.append(night(day, scores, [draw(st.integers(0, 4)) > 0 for _ in scores]))
    return nights


@settings(max_examples=12, deadline=None)
@given(worlds(), ANSWERS, POLICY)
def test_the_machine_does_what_the_oracle_does_one_change_a_night_and_never_more_than_fit(
    nights: list[Night], said: list, spec: MqaSpec
) -> None:
    done = replay(nights, answers(*said), spec)
    assert steps(done.log) == oracle(nights, said, spec)
    assert not done.log.duplicated(["account_id", "as_of"]).any()
    assert spec.capacity is None or (done.open <= spec.capacity).all()
    for _, own in done.log.groupby("account_id"):
        assert own["from"].tolist() == ["none", *own["to"].tolist()[:-1]]


@settings(max_examples=5, deadline=None)
@given(worlds(), ANSWERS, POLICY)
def test_day_by_day_from_the_log_alone_gives_the_replay_and_a_second_run_changes_nothing(
    nights: list[Night], said: list, spec: MqaSpec
) -> None:
    whole, logs = replay(nights, answers(*said), spec).log, []
    for n in nights:
        for _ in range(2):
            state = state_of(joined(logs), n.as_of)
            found = decide(state, n.scores, n.evidence, answers(*said), spec, n.as_of).transitions
        logs.append(found)
    pd.testing.assert_frame_equal(joined(logs), whole)


@settings(max_examples=5, deadline=None)
@given(worlds(), ANSWERS, POLICY, st.integers(0, 13), st.integers(0, 5))
def test_neither_what_is_decided_later_nor_the_order_of_rows_changes_what_was_decided(
    nights: list[Night], said: list, spec: MqaSpec, day: int, seed: int
) -> None:
    whole = replay(nights, answers(*said), spec).log
    before = replay(nights, answers(*(s for s in said if s[1] < day)), spec).log
    pd.testing.assert_frame_equal(before[before["as_of"] <= at(day)], whole[whole["as_of"] <= at(day)])
    rng = np.random.default_rng(seed)
    mixed = []
    for n in nights:
        order = rng.permutation(len(n.scores))
        mixed.append(Night(n.as_of, n.scores.iloc[order].reset_index(drop=True), n.evidence[order]))
    told = answers(*said).sample(frac=1, random_state=seed).reset_index(drop=True)
    pd.testing.assert_frame_equal(whole, replay(mixed, told, spec).log)


def oracle(
    nights: list[Night], said: list[tuple[str, float, str]], spec: MqaSpec
) -> list[tuple[str, int, str, str, str]]:
    """The rules of the machine told account by account, without frames."""
    held: dict[str, tuple[str, int, str, float]] = {}  # status, day, rule, head start in days
    told: list[tuple[str, int, str, str, str]] = []
    assert isinstance(spec.threshold, FixedThreshold)
    pause = {
        "accepted": spec.cooldown_days.accepted,
        "rejected": spec.cooldown_days.rejected,
        "recycled": spec.cooldown_days.recycled,
        "expired": spec.cooldown_days.expired,
    }
    for n in nights:
        day = (n.as_of - at(0)).days
        score = dict(zip(n.scores["account_id"], n.scores["score"], strict=True))
        evident = dict(zip(n.scores["account_id"], n.evidence, strict=True))
        by_sales, others = {}, {}
        for account in sorted({*score, *held}):
            status, since, _, start = held.get(account, ("none", None, "", 0.0))
            heard = [s for s in said if s[0] == account and s[1] < day and (since is None or s[1] >= since)]
            if heard:
                _, when, answer = max(heard, key=lambda s: s[1])
                age = float(np.rint(day - when))
                if status == "mqa" or age < pause[answer]:
                    by_sales[account] = (status, answer, f"sales_{answer}", age)
                    continue
            stay = day - since if since is not None else 0
            if status == "mqa":
                if account not in score:
                    others[account] = (status, "expired", "left_list", 0.0)
                elif spec.max_days is not None and stay >= spec.max_days:
                    others[account] = (status, "expired", "max_age", 0.0)
                elif score[account] < spec.threshold.leave and stay >= spec.min_days:
                    others[account] = (status, "expired", "leave_threshold", 0.0)
            elif status != "none" and stay + start >= pause[status]:
                others[account] = (status, "none", "cooldown_over", 0.0)
        open_before = sum(s[0] == "mqa" for s in held.values())
        room = len(ACCOUNTS) if spec.capacity is None else spec.capacity
        room -= sum(s[0] == "mqa" and a not in by_sales and a not in others for a, s in held.items())
        free = [a for a in score if held.get(a, ("none",))[0] == "none" and a not in by_sales and evident[a]]
        free = sorted((a for a in free if score[a] >= spec.threshold.enter), key=lambda a: (-score[a], a))
        others |= {a: ("none", "mqa", "enter_threshold", 0.0) for a in free[: max(room, 0)]}
        ended = sum(rule in ("leave_threshold", "left_list") for _, _, rule, _ in others.values())
        freed = sum(s[0] == "mqa" for s in by_sales.values()) + sum(r == "max_age" for _, _, r, _ in others.values())
        begun = sum(rule == "enter_threshold" for _, _, rule, _ in others.values())
        flips = max(ended, begun - freed)
        tripped = open_before >= spec.breaker_from and flips > spec.max_flip_share * open_before
        for account, (before, after, rule, start) in sorted({**by_sales, **({} if tripped else others)}.items()):
            held[account] = (after, day, rule, start)
            told.append((account, day, before, after, rule))
    return told
