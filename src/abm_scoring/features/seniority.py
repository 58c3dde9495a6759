"""The seniority of whoever took part in an event, as it was known when the event became known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from abm_scoring.data.text_columns import text_of
from abm_scoring.features.events import few_values
from abm_scoring.features.history import View
from abm_scoring.features.text import fingerprints


def seniority_at_event(view: View) -> tuple[np.ndarray, tuple[str, ...]]:
    """int32 [events], -1 = unknown, and the levels: of each event's contact, the last version known with the event.

    Only a contact of the event's own account counts. What is learnt of a contact later never changes an earlier event,
    so the answer is the same at every `as_of`.
    """
    log, facts = view.log, view.contact_facts
    if "contact_id" not in log or "seniority" not in facts.frame or not len(facts.frame):
        return np.full(len(log.order), -1, np.int32), ()
    codes, levels = few_values(facts.frame["seniority"])
    owner = np.repeat(np.arange(len(facts.offsets) - 1, dtype=np.int32), np.diff(facts.offsets))
    versions = pd.DataFrame(
        {
            "account": owner,
            "contact": fingerprints(text_of(facts.frame["contact_id"])),
            "visible": facts.visible,
            "level": codes,
        }
    ).sort_values("visible", kind="stable")
    events = pd.DataFrame({"account": log.owner, "contact": log.fingerprints("contact_id"), "visible": log.visible})
    order = np.argsort(log.visible, kind="stable")
    found = pd.merge_asof(events.take(order), versions, on="visible", by=["account", "contact"])
    level = np.empty(len(events), np.int32)
    level[order] = found["level"].fillna(-1).to_numpy("int32")
    names = sorted(set(levels))
    place = np.array([*(names.index(v) for v in levels), -1], np.int32)
    level[log.fingerprints("contact_id") == 0] = -1
    return place[level], tuple(names)
