"""The state machine: tonight's scores and sales' answers against yesterday's state → transitions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from abm_scoring.ranking.mqa import log
from abm_scoring.ranking.mqa.spec import MqaSpec
from abm_scoring.ranking.mqa.thresholds import Bar, bar

#: Status that each answer of sales leads to.
_ANSWERED = {"accepted": log.ACCEPTED, "rejected": log.REJECTED, "recycled": log.RECYCLED}


@dataclass(frozen=True)
class Decision:
    """What one night decided.

    Attributes:
        transitions: Tonight's part of the log, by account_id.
        state: The state after it.
        flips: MQAs that scores and the list would end or begin, see `decide`.
        open_before: Open MQAs that they are counted against.
        tripped: Whether the breaker held them back.
    """

    transitions: pd.DataFrame
    state: pd.DataFrame
    flips: int
    open_before: int
    tripped: bool


def decide(
    state: pd.DataFrame,
    scores: pd.DataFrame,
    evidence: np.ndarray,
    dispositions: pd.DataFrame,
    spec: MqaSpec,
    as_of: pd.Timestamp,
) -> Decision:
    """One night of the state machine: a pure function of its arguments.

    1. Sales' last answer that is newer than an account's status is honoured from whatever status it has.
    2. An MQA that is not among the candidates any more, that is too old, or whose value has fallen below the leaving
       threshold after its minimum dwell, expires. An ended one whose cooldown is over is free again.
    3. Free candidates at or above the entering threshold, with evidence, become MQAs, highest value first, as far as
       the capacities reach.
    4. If 2 and 3 would change more MQAs than the breaker allows, neither happens tonight. What the calendar and sales
       bring about is no alarm: counted are MQAs that end by their score or by leaving the list, or those that begin
       beyond the places that age and sales have freed, whichever are more.

    Args:
        state: As `log.state_of` gives it, of decisions before `as_of`.
        scores: The n candidates: `account_id`, and the columns that the threshold reads (and `owner_id`).
        evidence: bool [n], see `evidence.evident`.
        dispositions: The canonical table; only what was decided before `as_of` is read.
        spec: The policy.
        as_of: The night.
    """
    before = state[state["since"] < as_of].set_index("account_id").sort_index()
    accounts = before.index.union(pd.Index(scores["account_id"], dtype="str"))
    table = _table(accounts, before, scores, evidence, bar(scores, spec), as_of)
    answered = _sales(table, dispositions, spec, as_of)
    expired = _leave(table[~table.index.isin(answered["account_id"])], spec)
    freed = _over(table[~table.index.isin(answered["account_id"])], spec)
    entered = _enter(table, [answered, expired, freed], spec)
    open_before = int((before["status"] == log.MQA).sum())
    flips = _unforeseen(answered, expired, entered)
    tripped = open_before >= spec.breaker_from and flips > spec.max_flip_share * open_before
    parts = [answered] if tripped else [answered, expired, freed, entered]
    transitions = log.joined([p.assign(as_of=as_of.as_unit("us")) for p in parts])
    return Decision(transitions, _after(state, transitions), flips, open_before, tripped)


def _table(
    accounts: pd.Index,
    before: pd.DataFrame,
    scores: pd.DataFrame,
    evidence: np.ndarray,
    level: Bar,
    as_of: pd.Timestamp,
) -> pd.DataFrame:
    """Everything known of each account tonight, by account_id: status, days in it, value against its thresholds."""
    place = pd.Index(scores["account_id"], dtype="str").get_indexer(accounts)
    listed = place >= 0
    owner = scores["owner_id"].to_numpy(object) if "owner_id" in scores else np.full(len(scores), None, dtype=object)
    known = before.reindex(accounts)
    days = _days(known["since"], as_of)
    table = pd.DataFrame(
        {
            "status": known["status"].fillna(log.NONE).to_numpy(object),
            "since": known["since"].array,
            "rule": known["rule"].to_numpy(object),
            "days": days,
            # How old sales' answer was already when it was honoured.
            "head_start": known["value"].where(known["rule"].str.startswith("sales_").fillna(False), 0.0).to_numpy(),
            "listed": listed,
            "value": np.nan,
            "raw_score": np.nan,
            "evident": False,
            "enter": level.enter,
            "leave": level.leave,
        },
        index=pd.Index(accounts, name="account_id"),
    )
    table.loc[listed, "value"] = level.value[place[listed]]
    table.loc[listed, "raw_score"] = scores["raw_score"].to_numpy("float64")[place[listed]]
    table.loc[listed, "evident"] = evidence[place[listed]]
    table["owner"] = pd.Series(owner, scores["account_id"].to_numpy(object)).reindex(accounts).to_numpy(object)
    return table


def _days(since: pd.Series, as_of: pd.Timestamp) -> np.ndarray:
    """Whole days from each moment to the night, float64, NaN where missing.

    To the nearest whole one, because local midnights are 23 or 25 hours apart twice a year.
    """
    return np.rint((as_of - since).dt.total_seconds().to_numpy("float64") / 86_400)


def _sales(table: pd.DataFrame, dispositions: pd.DataFrame, spec: MqaSpec, as_of: pd.Timestamp) -> pd.DataFrame:
    """Accounts that sales answered since their status began, and whose answer still matters.

    `value` is the answer's age in days, `threshold` the cooldown that it brings, counted from the answer.
    """
    last, place = _last_answers(dispositions, table.index, as_of)
    held = table.iloc[place]
    since = held["since"].set_axis(last.index)
    newer = (since.isna() | (last["decided_at"] >= since)).to_numpy()
    age = _days(last["decided_at"], as_of)
    pause = last["disposition"].map(lambda d: spec.cooldown_days.days(f"sales_{d}")).to_numpy("float64")
    # An answer to an MQA always counts; one to an account that is none only while it would keep it from becoming one.
    matters = newer & ((held["status"] == log.MQA).to_numpy() | (age < pause))
    chosen = last[matters]
    return _moves(held[matters], "", "").assign(
        to=chosen["disposition"].map(_ANSWERED).to_numpy(object),
        rule=("sales_" + chosen["disposition"]).to_numpy(object),
        value=age[matters],
        threshold=pause[matters],
        reason=chosen["reason"].to_numpy(object) if "reason" in chosen else None,
    )


def _last_answers(
    dispositions: pd.DataFrame, accounts: pd.Index, as_of: pd.Timestamp
) -> tuple[pd.DataFrame, np.ndarray]:
    """The last answer before the night to each of the accounts that has one, and the accounts' places, ascending.

    Of answers of one moment the last in alphabetical order counts, so that the order of rows does not matter.
    """
    past = dispositions[(dispositions["decided_at"] < as_of).to_numpy()]
    place = accounts.get_indexer(pd.Index(past["account_id"]))
    code = pd.Categorical(past["disposition"], categories=list(_ANSWERED), ordered=True).codes
    order = np.lexsort((code, past["decided_at"].astype("int64").to_numpy(), place))
    order = order[place[order] >= 0]
    is_last = np.append(np.diff(place[order]) != 0, np.ones(min(len(order), 1), dtype=bool))
    return past.iloc[order[is_last]].reset_index(drop=True), place[order[is_last]]


def _leave(table: pd.DataFrame, spec: MqaSpec) -> pd.DataFrame:
    """MQAs that end without an answer; the first rule that applies is named."""
    held = table[table["status"] == log.MQA]
    gone = ~held["listed"].to_numpy(bool)
    old = held["days"].to_numpy() >= (np.inf if spec.max_days is None else spec.max_days)
    # Written so that a value which is unknown tonight ends nothing.
    low = (held["value"] < held["leave"]).to_numpy() & (held["days"].to_numpy() >= spec.min_days)
    rule = np.select([gone, old, low], ["left_list", "max_age", "leave_threshold"], "")
    bound = np.select([gone, old, low], [np.nan, float(spec.max_days or 0), held["leave"].to_numpy()], np.nan)
    value = np.select([gone, old, low], [np.nan, held["days"].to_numpy(), held["value"].to_numpy()], np.nan)
    moves = _moves(held, log.EXPIRED, "").assign(rule=rule, value=value, threshold=bound)
    return moves[rule != ""]


def _over(table: pd.DataFrame, spec: MqaSpec) -> pd.DataFrame:
    """Accounts whose cooldown is over."""
    ended = table[table["status"].isin((log.ACCEPTED, log.REJECTED, log.RECYCLED, log.EXPIRED))]
    pause = ended["rule"].map(spec.cooldown_days.days).to_numpy("float64")
    days = (ended["days"] + ended["head_start"]).to_numpy("float64")
    moves = _moves(ended, log.NONE, "cooldown_over").assign(value=days, threshold=pause)
    return moves[days >= pause]


def _enter(table: pd.DataFrame, others: list[pd.DataFrame], spec: MqaSpec) -> pd.DataFrame:
    """Free candidates that become MQAs, as far as the capacities reach."""
    moved = pd.concat([o["account_id"] for o in others])
    still = table.index.difference(pd.Index(moved, dtype="str"))
    open_now = table.loc[still][lambda t: t["status"] == log.MQA]
    free = table.loc[still][lambda t: (t["status"] == log.NONE) & t["listed"] & t["evident"]]
    free = free[free["value"] >= free["enter"]].reset_index()
    free = free.sort_values(["value", "raw_score", "account_id"], ascending=[False, False, True], kind="stable")
    if spec.capacity_per_owner is not None:
        # Accounts without an owner wait for nobody's desk.
        taken = free["owner"].map(open_now["owner"].value_counts()).fillna(0).to_numpy("float64")
        turn = free.groupby("owner").cumcount().to_numpy()
        free = free[free["owner"].isna().to_numpy() | (taken + turn < spec.capacity_per_owner)]
    if spec.capacity is not None:
        free = free.head(max(0, spec.capacity - len(open_now)))
    free = free.set_index("account_id")
    return _moves(free, log.MQA, "enter_threshold").assign(
        value=free["value"].to_numpy(), threshold=free["enter"].to_numpy()
    )


def _unforeseen(answered: pd.DataFrame, expired: pd.DataFrame, entered: pd.DataFrame) -> int:
    """Changes that neither the calendar nor sales explain."""
    aged = int((expired["rule"] == "max_age").sum())
    freed = aged + int((answered["from"] == log.MQA).sum())
    return max(len(expired) - aged, len(entered) - freed)


def _moves(rows: pd.DataFrame, to: str, rule: str) -> pd.DataFrame:
    """Rows of the table as transitions, without their night."""
    return pd.DataFrame(
        {
            "account_id": pd.Series(rows.index.to_numpy(object), dtype="str"),
            "from": pd.Series(rows["status"].to_numpy(object), dtype="str"),
            "to": pd.Series([to] * len(rows), dtype="str"),
            "rule": pd.Series([rule] * len(rows), dtype="str"),
            "value": np.nan,
            "threshold": np.nan,
            "reason": pd.Series([None] * len(rows), dtype="str"),
        }
    )


def _after(state: pd.DataFrame, transitions: pd.DataFrame) -> pd.DataFrame:
    moved = log.state_of(transitions)
    kept = state[~state["account_id"].isin(moved["account_id"])]
    parts = [p for p in (kept, moved) if len(p)]
    whole = pd.concat(parts, ignore_index=True) if parts else moved
    return whole.sort_values("account_id", ignore_index=True)
