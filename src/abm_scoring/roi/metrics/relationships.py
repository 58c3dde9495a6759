"""Relationships: how many people of an account are reached, and how far they have come."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from abm_scoring.features.moments import DAY
from abm_scoring.roi.metrics.arrays import distinct, tally
from abm_scoring.roi.metrics.declaration import FigureOf, Metric
from abm_scoring.roi.metrics.observed import Middle, Missing, Observed, count, of_accounts, ratio
from abm_scoring.roi.metrics.prepared import Prepared
from abm_scoring.roi.periods import Period

_NO_MQA = Missing("no MQA status is kept: set scoring.mqa, and score")
_NO_SQL = Missing("no event says that a sales-qualified lead was recorded (roi.kpis.events.sql)")


def engaged_contacts(data: Prepared, period: Period) -> tuple[np.ndarray, np.ndarray]:
    """Account and contact codes of everybody with at least one inbound event in the period, each once."""
    rows, events = data.events.during(period), data.events
    of = events.inbound[rows] & (events.contact[rows] >= 0) & (events.account[rows] >= 0)
    return distinct(events.account[rows][of].astype(np.int64), events.contact[rows][of])  # type: ignore[return-value]


def engaged_accounts(data: Prepared, period: Period) -> np.ndarray:
    """bool [accounts]: at least one inbound event in the period."""

    def make() -> np.ndarray:
        rows, events = data.events.during(period), data.events
        return tally(len(data), np.where(events.inbound[rows], events.account[rows], -1)) > 0

    return data.once("engaged", (period.begin, period.stop), make)


def _reach(data: Prepared, period: Period) -> Mapping[str, Observed]:
    if "contact_id" not in data.events.frame:
        return dict.fromkeys(REACH.figures, Missing("no event names a contact_id"))
    engaged = tally(len(data), engaged_contacts(data, period)[0])
    everybody, ones = np.arange(len(data)), np.ones(len(data))
    goal, committee = data.spec.contact_goal, data.spec.committee_size
    none = "no target account"
    return {
        "reach": ratio(everybody, np.minimum(engaged / goal, 1.0), ones, none),
        "reach_contacts": ratio(everybody, engaged, ones, none),
        "reach_accounts_at_goal": ratio(everybody, engaged >= goal, ones, none),
        "reach_committee": ratio(everybody, np.minimum(engaged / committee, 1.0), ones, none),
        "reach_accounts_with_committee": ratio(everybody, engaged >= committee, ones, none),
    }


def _roles(data: Prepared, period: Period) -> Mapping[str, Observed]:
    if not data.has("contacts") or "buying_role" not in data.tables["contacts"]:
        return dict.fromkeys(ROLE_COVERAGE.figures, Missing("the table contacts has no buying_role"))
    contacts, wanted = data.contacts, list(data.spec.required_roles)
    role = contacts["role"].map({r: i for i, r in enumerate(wanted)}).fillna(-1).to_numpy(np.int64)
    account = contacts["account"].to_numpy(np.int64)
    known = (role >= 0) & (account >= 0) & (contacts["known"].to_numpy() < period.stop)
    engaged = np.zeros(len(contacts), bool)
    of = engaged_contacts(data, period)[1]
    engaged[of[of < len(contacts)]] = True
    covered = {
        "role_coverage": tally(len(data), distinct(account[known], role[known])[0]),
        "role_coverage_engaged": tally(len(data), distinct(account[known & engaged], role[known & engaged])[0]),
    }
    bottom = np.full(len(data), float(len(wanted)))
    return {name: ratio(np.arange(len(data)), top, bottom, "no target account") for name, top in covered.items()}


def _conversations(data: Prepared, period: Period) -> Mapping[str, Observed]:
    rows, events = data.events.during(period), data.events
    of = events.is_kind(*data.spec.events.conversation)[rows] & (events.account[rows] >= 0)
    found: dict[str, Observed] = {"sales_conversations": count(events.account[rows][of].astype(np.int64))}
    contacts = data.contacts
    for stance in ("champion", "supporter", "blocker"):
        if not data.has("contacts") or "stance" not in data.tables["contacts"]:
            found[f"contacts_{stance}"] = Missing("the table contacts has no stance")
            continue
        held = (contacts["stance"] == stance) & (contacts["known"] < period.stop) & (contacts["account"] >= 0)
        found[f"contacts_{stance}"] = count(contacts["account"][held].to_numpy(np.int64))
    return found


def _mqa(data: Prepared, period: Period) -> Mapping[str, Observed]:
    if data.spells is None:
        return {"mqa_accounts": _NO_MQA}
    return {"mqa_accounts": of_accounts(len(data), mqa_at(data, period.stop))}


def mqa_at(data: Prepared, moment: int) -> np.ndarray:
    """Codes of the accounts whose MQA spell is open just before a moment."""
    spells = data.spells
    assert spells is not None
    of = (spells["account"] >= 0) & (spells["entered"] < moment) & (spells["left"] >= moment)
    return np.unique(spells["account"][of].to_numpy(np.int64))


def _mqa_rate(data: Prepared, period: Period) -> Mapping[str, Observed]:
    if data.spells is None:
        return {"mqa_rate": _NO_MQA}
    runs = data.scored
    if runs is None or not (runs["as_of"] < period.until).any():
        return {"mqa_rate": Missing("no published run stands before the end of the period")}
    last = runs[runs["as_of"] == runs["as_of"][runs["as_of"] < period.until].max()]
    scored = np.unique(data.codes(last["account_id"]))
    scored = scored[scored >= 0]
    top = np.isin(scored, mqa_at(data, period.stop))
    return {"mqa_rate": ratio(scored, top, np.ones(len(scored)), "the last run of the period scored nobody")}


def _sql(data: Prepared, period: Period) -> Mapping[str, Observed]:
    if not data.events.knows(*data.spec.events.sql):
        return {"sql_accounts": _NO_SQL}
    rows, events = data.events.during(period), data.events
    of = events.is_kind(*data.spec.events.sql)[rows] & (events.account[rows] >= 0)
    return {"sql_accounts": of_accounts(len(data), np.unique(events.account[rows][of].astype(np.int64)))}


def qualified_at(data: Prepared) -> np.ndarray | None:
    """int64 [accounts]: first MQA, or first SQL where no MQA status is kept; None where neither is known."""
    if data.spells is not None:
        return data.first_mqa()
    return data.first_sql() if data.events.knows(*data.spec.events.sql) else None


def _touches(data: Prepared, period: Period) -> Mapping[str, Observed]:
    qualified = qualified_at(data)
    if qualified is None:
        return dict.fromkeys(TOUCHES.figures, _NO_SQL)
    inside = (qualified >= period.begin) & (qualified < period.stop)
    events = data.events
    rows = slice(0, events.during(period).stop)
    owner = events.account[rows]
    counted = events.touch[rows] & (owner >= 0)
    counted[counted] = inside[owner[counted]] & (events.at[rows][counted] < qualified[owner[counted]])
    touches = tally(len(data), owner[counted])
    account = np.flatnonzero(inside & (touches > 0))
    none = "no account with a touch before it qualified in the period"
    found = {f"touches_to_qualification{s}": Middle(account, touches[account], q, none) for s, q in _QUARTILES.items()}
    band = (touches[account] >= 7) & (touches[account] <= 13)
    return found | {"touches_in_band": ratio(account, band, np.ones(len(account)), none)}


def _identify(data: Prepared, period: Period) -> Mapping[str, Observed]:
    if data.spells is None:
        return {"days_to_identify": _NO_MQA}
    mqa, first = data.first_mqa(), data.first_touch
    of = np.flatnonzero((mqa >= period.begin) & (mqa < period.stop) & (first <= mqa))
    return {"days_to_identify": Middle(of, (mqa[of] - first[of]) / DAY, empty="no account became an MQA in the period")}


_QUARTILES = {"": 0.5, "_q1": 0.25, "_q3": 0.75}

REACH = Metric(
    "reach",
    "per target account: distinct engaged contacts ÷ the contact goal (contact_goal), at most 1; the mean over target "
    "accounts. Engaged = at least one inbound event in the period",
    "influence", "pre_sale", "relationships", ("events",),
    "Contacts without an id are nobody. A long period reaches more people than a short one: compare equal lengths.",
    {
        "reach": FigureOf("share", "mean share of the contact goal"),
        "reach_contacts": FigureOf("contacts", "mean engaged contacts an account"),
        "reach_accounts_at_goal": FigureOf("share", "accounts that reach the contact goal"),
        "reach_committee": FigureOf("share", "mean share of the whole buying committee (committee_size)"),
        "reach_accounts_with_committee": FigureOf("share", "accounts whose whole buying committee is engaged"),
    },
    _reach,
    population="target",
)  # fmt: skip
ROLE_COVERAGE = Metric(
    "role_coverage",
    "required buying roles with at least one known contact ÷ required roles, over target accounts; and the same for "
    "contacts engaged in the period",
    "influence", "pre_sale", "relationships", ("contacts",),
    "A role that nobody recorded is a gap in the data before it is one in the relationship. Contacts who "
    "objected do not "
    "count.",
    {
        "role_coverage": FigureOf("share", "required roles with a known contact"),
        "role_coverage_engaged": FigureOf("share", "required roles with an engaged contact"),
    },
    _roles,
    population="target",
)  # fmt: skip
SALES_CONVERSATIONS = Metric(
    "sales_conversations",
    "meetings and calls with target accounts; and contacts known as champion, supporter or blocker at the period's end",
    "influence", "pre_sale", "relationships", ("events",),
    "Counts what is entered: a team that logs more calls talks no more.",
    {
        "sales_conversations": FigureOf("count", "meetings and calls", adds_up=True),
        "contacts_champion": FigureOf("count", "contacts known as champion"),
        "contacts_supporter": FigureOf("count", "contacts known as supporter"),
        "contacts_blocker": FigureOf("count", "contacts known as blocker"),
    },
    _conversations,
    population="target",
)  # fmt: skip
MQA_ACCOUNTS = Metric(
    "mqa_accounts",
    "accounts with MQA status at the period's end",
    "influence", "pre_sale", "relationships", (),
    "Follows the policy: a lower threshold makes more of them and nothing else.",
    {"mqa_accounts": FigureOf("count", "accounts with MQA status")},
    _mqa,
)  # fmt: skip
MQA_RATE = Metric(
    "mqa_rate",
    "accounts with MQA status at the period's end ÷ accounts that the last run before it scored",
    "influence", "pre_sale", "relationships", (),
    "Falls when more accounts are scored.",
    {"mqa_rate": FigureOf("share", "of scored accounts")},
    _mqa_rate,
)  # fmt: skip
SQL_ACCOUNTS = Metric(
    "sql_accounts",
    "target accounts with at least one sales-qualified lead recorded in the period",
    "influence", "pre_sale", "relationships", ("events",),
    "What counts as qualified is sales' word, and changes with the quarter's target. The interval is that of the share "
    "of target accounts, times their number.",
    {"sql_accounts": FigureOf("count", "accounts with a sales-qualified lead", adds_up=True)},
    _sql,
    population="target",
)  # fmt: skip
TOUCHES = Metric(
    "touches_to_qualification",
    "contacts with the brand, both directions, from the first touch to the first MQA (first SQL where no MQA status is "
    "kept) of accounts that qualified in the period; median and quartiles, and the share within the benchmark "
    "band 7-13",
    "influence", "pre_sale", "relationships", ("events",),
    "Only who qualified is counted, so it says nothing about how many touches it takes. Touches before the history "
    "begins are missing; ad impressions count.",
    {
        "touches_to_qualification": FigureOf("touches", "median"),
        "touches_to_qualification_q1": FigureOf("touches", "lower quartile"),
        "touches_to_qualification_q3": FigureOf("touches", "upper quartile"),
        "touches_in_band": FigureOf("share", "of accounts between 7 and 13 touches"),
    },
    _touches,
    better="lower",
)  # fmt: skip
DAYS_TO_IDENTIFY = Metric(
    "days_to_identify",
    "days from the first touch to the first MQA, median over accounts whose first MQA lies in the period",
    "influence", "pre_sale", "relationships", ("events",),
    "The first touch is the first in the history: accounts known for longer look faster.",
    {"days_to_identify": FigureOf("days", "median")},
    _identify,
    better="lower",
)  # fmt: skip
