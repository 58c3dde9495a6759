"""Tables as facts: when each row could be known, and what it may say at a moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from abm_scoring.features.moments import ALWAYS, NEVER, is_before, moments

if TYPE_CHECKING:
    from abm_scoring.features.text import TextIndex


@dataclass(frozen=True)
class Rule:
    """How the facts of one table become visible, and what of them may be unknown still.

    Attributes:
        since: Columns of which the latest says when a row can first be known; `known_at` always counts as well.
        later: column → columns that stay unknown until its moment has passed.
        undated: Columns that, where a row has no `known_at`, are present state and therefore unknown until `settled`.
        settled: The moment column that makes the `undated` ones final.
        needs_known_at: True where a row without any date must not be used.
    """

    since: tuple[str, ...] = ()
    later: Mapping[str, tuple[str, ...]] | None = None
    undated: tuple[str, ...] = ()
    settled: str | None = None
    needs_known_at: bool = False
    entity: str | None = None


#: The tables that a view can ask, and how their rows become visible.
RULES: dict[str, Rule] = {
    "accounts": Rule(
        later={"customer_since": ("customer_since",), "partner_since": ("partner_since",)}, entity="account_id"
    ),
    "contacts": Rule(later={"objected_at": ("objected_at",)}, needs_known_at=True, entity="contact_id"),
    "opportunities": Rule(
        since=("created_at",),
        later={"closed_at": ("closed_at", "is_won"), "cancelled_at": ("cancelled_at",)},
        undated=("stage", "amount", "gross_margin", "contract_months"),
        settled="closed_at",
        entity="opportunity_id",
    ),
    "invoices": Rule(since=("invoiced_on",)),
    "target_list": Rule(since=("from",), later={"to": ("to",)}),
}


@dataclass(frozen=True)
class Facts:
    """One table, sorted by account and by the moment from which each row could be known.

    Attributes:
        frame: The rows.
        offsets: int64 [accounts + 1].
        visible: int64 [rows], microseconds; `ALWAYS` and `NEVER` at the ends.
        entity: int64 [rows], code of the versioned thing (e.g. the opportunity); None where rows are no versions.
    """

    frame: pd.DataFrame
    offsets: np.ndarray
    visible: np.ndarray
    entity: np.ndarray | None


def sealed_facts(name: str, frame: pd.DataFrame, index: TextIndex, limit: int) -> Facts:
    """One table without what could not be known before `limit`, sorted for lookups.

    Args:
        name: Table, a key of `RULES`.
        frame: Its canonical rows.
        index: The account ids, sorted; rows of other accounts are left out.
        limit: Microseconds.
    """
    from abm_scoring.data.text_columns import text_of

    rule = RULES[name]
    code = (
        index.codes(text_of(frame["account_id"])).astype("int64") if "account_id" in frame else np.full(len(frame), -1)
    )
    visible = _visible(frame, rule)
    kept = (code >= 0) & is_before(visible, limit)
    if not kept.all():
        frame, code, visible = frame[kept], code[kept], visible[kept]
    order, entity = _in_order(frame, rule, code, visible)
    return Facts(
        mask(frame.take(order).reset_index(drop=True), rule, np.full(len(frame), limit)),
        np.searchsorted(code[order], np.arange(len(index) + 1)).astype("int64"),
        visible[order],
        entity[order] if rule.entity else None,
    )


def _in_order(frame: pd.DataFrame, rule: Rule, code: np.ndarray, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order by account, versioned thing, moment and content, so that the input's does not matter; and the things."""
    if rule.entity == "account_id":
        entity = code
    else:
        entity = pd.factorize(frame[rule.entity], sort=True)[0] if rule.entity else np.zeros(len(frame), "int64")
    order = np.lexsort((visible, entity, code))
    same = (np.diff(code[order]) == 0) & (np.diff(entity[order]) == 0) & (np.diff(visible[order]) == 0)
    tied = np.flatnonzero(np.concatenate([same, [False]]) | np.concatenate([[False], same]))
    if len(tied):
        rows = order[tied]
        content = frame[sorted(frame.columns)].iloc[rows]
        digest = pd.util.hash_pandas_object(content, index=False).to_numpy()
        order[tied] = rows[np.lexsort((digest, visible[rows], entity[rows], code[rows]))]
    return order, entity


def _visible(frame: pd.DataFrame, rule: Rule) -> np.ndarray:
    known = moments(frame["known_at"], ALWAYS) if "known_at" in frame else np.full(len(frame), ALWAYS)
    for column in rule.since:
        known = np.maximum(known, moments(frame[column], NEVER))
    return np.where(known == ALWAYS, NEVER, known) if rule.needs_known_at else known


def mask(frame: pd.DataFrame, rule: Rule, as_of: np.ndarray) -> pd.DataFrame:
    """Blank what a row says about moments that are not before `as_of`; `frame` is the caller's own copy.

    Args:
        frame: n rows of a table.
        rule: The table's.
        as_of: int64 [n], microseconds.
    """
    settled = None
    if rule.settled in frame:
        settled = is_before(moments(frame[rule.settled], NEVER), as_of)
    for column, hidden in (rule.later or {}).items():
        if column in frame:
            past = is_before(moments(frame[column], NEVER), as_of)
            for name in hidden:
                if name in frame:
                    frame[name] = frame[name].where(past)
    if rule.undated:
        dated = frame["known_at"].notna().to_numpy() if "known_at" in frame else np.zeros(len(frame), bool)
        keep = dated | (settled if settled is not None else False)
        for name in rule.undated:
            if name in frame:
                frame[name] = frame[name].where(keep)
    return frame


def became_customer(facts: Facts, column: str | None) -> np.ndarray:
    """int64 [facts]: when each row makes its account a known customer; `NEVER` where it does not."""
    if column is None:
        # A credit note alone makes nobody a customer.
        billed = facts.frame["amount"].fillna(0.0).to_numpy() > 0 if "amount" in facts.frame else True
        return np.where(billed, facts.visible, NEVER)
    if column not in facts.frame:
        return np.full(len(facts.visible), NEVER)
    stated = moments(facts.frame[column], NEVER)
    if "is_won" in facts.frame:
        stated = np.where(facts.frame["is_won"].fillna(False).astype(bool), stated, NEVER)
    return np.maximum(stated, facts.visible)
