"""Reputation: who comes, who looks, who answers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from abm_scoring.features.moments import DAY, NEVER, moments
from abm_scoring.roi.metrics.arrays import by_label, distinct, labels, last_before
from abm_scoring.roi.metrics.declaration import FigureOf, Metric
from abm_scoring.roi.metrics.events import Events
from abm_scoring.roi.metrics.observed import Missing, Observed, Sums, count, divide, ratio
from abm_scoring.roi.metrics.prepared import Prepared
from abm_scoring.roi.periods import Period

_SECOND = 1_000_000


def session_starts(events: Events, rows: slice) -> np.ndarray:
    """Codes of the account of each web session that begins in these rows.

    A session is a run of visits by one contact (or by an account's unknown visitors together) without a pause longer
    than `session_minutes`.
    """
    visits = np.flatnonzero(events.is_kind(*events.spec.events.web_visit)[rows]) + (rows.start or 0)
    account, contact, at = events.account[visits], events.contact[visits], events.at[visits]
    order = np.lexsort((at, contact, account))
    account, contact, at = account[order], contact[order], at[order]
    pause = int(events.spec.session_minutes * 60 * _SECOND)
    same = (account[1:] == account[:-1]) & (contact[1:] == contact[:-1]) & (at[1:] - at[:-1] <= pause)
    begins = np.concatenate([[True], ~same]) if len(at) else np.zeros(0, bool)
    return account[begins & (account >= 0)].astype(np.int64)


def _traffic(data: Prepared, period: Period) -> Mapping[str, Observed]:
    sessions = session_starts(data.events, data.events.during(period))
    if not data.has("anonymous_traffic"):
        share: Observed = Missing("the table anonymous_traffic is not given, so the total of all sessions is unknown")
    else:
        day = moments(data.tables["anonymous_traffic"]["day"], NEVER)
        of = (day >= period.begin) & (day < period.stop)
        unknown = float(data.tables["anonymous_traffic"]["sessions"].to_numpy(float, na_value=0.0)[of].sum())
        share = Sums(
            sessions,
            {"top": np.ones(len(sessions))},
            lambda s: divide(s["top"], s["bottom"]),
            shared={"bottom": unknown + len(sessions)},
            empty="no session in the period",
        )
    return {"account_traffic": count(sessions), "account_traffic_share": share}


def _exposures(data: Prepared, period: Period) -> tuple[np.ndarray, ...]:
    """Account, content and channel codes (-1 = none) of the period's events with content, and whether inbound."""
    rows, events = data.events.during(period), data.events
    content = events.contents[0][rows]
    of = (content >= 0) & (events.account[rows] >= 0)
    channel = events.channels[0][rows][of]
    return events.account[rows][of].astype(np.int64), content[of], channel, events.inbound[rows][of]


def _engagement(data: Prepared, period: Period) -> Mapping[str, Observed]:
    if not data.events.contents[1].size:
        return dict.fromkeys(CONTENT_ENGAGEMENT.figures, Missing("no event names a content_id"))
    account, content, channel, inbound = _exposures(data, period)
    names = data.events.contents[1]
    seen_by, seen = distinct(account, content)
    pairs = _member((seen_by, seen), (account[inbound], content[inbound]), len(names))
    stage = _stages(data)
    dims = {"content": labels(seen, names), "stage": by_label(stage, labels(seen, names))}
    who, what, where = distinct(account, content, channel + 1)
    answered = _member(
        (who, what * (len(data.events.channels[1]) + 1) + where),
        (account[inbound], content[inbound] * (len(data.events.channels[1]) + 1) + channel[inbound] + 1),
        len(names) * (len(data.events.channels[1]) + 1),
    )
    by_channel = {"channel": labels(where - 1, data.events.channels[1])}
    rows = data.events.during(period)
    dwell = data.events.number("minutes")[rows]
    read = (data.events.contents[0][rows] >= 0) & data.events.inbound[rows] & ~np.isnan(dwell)
    loads = data.events.is_kind(*data.spec.events.download)[rows] & (data.events.account[rows] >= 0)
    owner = data.events.account[rows].astype(np.int64)
    nobody = "no content was shown in the period"
    titles = labels(data.events.contents[0][rows][read], names)
    return {
        "content_engagement_rate": ratio(seen_by, pairs, np.ones(len(pairs)), nobody, dims),
        "content_engagement_rate_by_channel": ratio(who, answered, np.ones(len(answered)), nobody, by_channel),
        "content_dwell_minutes": ratio(
            owner[read], dwell[read], np.ones(read.sum()), "no minutes are known", {"content": titles}
        ),
        "content_downloads": count(owner[loads], dims={"content": labels(data.events.contents[0][rows][loads], names)}),
    }


def _member(pairs: tuple[np.ndarray, np.ndarray], of: tuple[np.ndarray, np.ndarray], size: int) -> np.ndarray:
    """1.0 for each (account, thing) that stands among others."""
    return np.isin(pairs[0] * size + pairs[1], of[0] * size + of[1]).astype(float)


def _stages(data: Prepared) -> dict[str, str]:
    """Funnel stage by content id: the content table's, else the one that most events of the item name."""
    content = data.tables["content"]
    if data.has("content") and "funnel_stage" in content:
        return dict(content.dropna(subset=["funnel_stage"])[["content_id", "funnel_stage"]].itertuples(index=False))
    frame = data.events.frame
    if "funnel_stage" not in frame or "content_id" not in frame:
        return {}
    known = frame[["content_id", "funnel_stage"]].dropna()
    stage = known.groupby("content_id")["funnel_stage"].agg(lambda s: s.mode().iloc[0])
    return {str(item): str(name) for item, name in stage.items()}


def messages(data: Prepared, period: Period) -> dict[str, np.ndarray]:
    """The period's delivered mails: `account`, `campaign`, `variant` codes, and whether `open`, `click`, `reply`.

    An answer belongs to the last mail of the same campaign to the same contact before it (or at its moment), whenever
    it came. An open within `machine_open_seconds` of the mail is a machine's and left out.
    """
    events, names = data.events, data.spec.events
    sent = names.email_delivered if events.knows(*names.email_delivered) else names.email_sent
    start = events.during(period).start
    at, kinds = events.at[start:], {k: events.is_kind(*t)[start:] for k, t in _answers(names).items()}
    mail = np.flatnonzero(events.is_kind(*sent)[start:])
    campaign = events.campaigns[0][start:]
    actor = np.where(events.contact[start:] >= 0, events.contact[start:], -2 - events.account[start:])
    key = actor * (len(events.campaigns[1]) + 1) + campaign + 1
    found = {name: np.zeros(len(mail), bool) for name in kinds}
    for name, of in kinds.items():
        answers = np.flatnonzero(of)
        place = last_before(key[mail], at[mail], key[answers], at[answers], same=True)
        human = place >= 0
        if name == "open":
            human &= (
                at[answers] - at[mail][np.maximum(place, 0)] > data.spec.machine_open_seconds * _SECOND
                if len(mail)
                else False
            )
        found[name][place[human]] = True
    kept = (at[mail] < period.stop) & ~found.pop("bounce") & (events.account[start:][mail] >= 0)
    coded = {
        "account": events.account[start:][mail],
        "campaign": campaign[mail],
        "variant": events.variants[0][start:][mail],
    }
    return {name: column[kept] for name, column in (coded | found).items()}


def _answers(names: object) -> dict[str, tuple[str, ...]]:
    return {kind: getattr(names, f"email_{kind}") for kind in ("open", "click", "reply", "bounce")}


def _mail(kind: str, data: Prepared, period: Period) -> Mapping[str, Observed]:
    sent = messages(data, period)
    dims = {"campaign": labels(sent["campaign"], data.events.campaigns[1])}
    rate = ratio(
        sent["account"].astype(np.int64),
        sent[kind],
        np.ones(len(sent[kind])),
        "no mail was delivered in the period",
        dims,
    )
    return {f"email_{kind}_rate": rate}


def _opens(data: Prepared, period: Period) -> Mapping[str, Observed]:
    return _mail("open", data, period)


def _clicks(data: Prepared, period: Period) -> Mapping[str, Observed]:
    return _mail("click", data, period)


def _replies(data: Prepared, period: Period) -> Mapping[str, Observed]:
    return _mail("reply", data, period)


def _ads(data: Prepared, period: Period) -> Mapping[str, Observed]:
    account, campaign, _, clicked = shown_ads(data, period)
    dims = {"campaign": labels(campaign, data.events.campaigns[1])}
    return {"ad_engagement_rate": ratio(account, clicked, ~clicked, "no ad was shown in the period", dims)}


def shown_ads(data: Prepared, period: Period) -> tuple[np.ndarray, ...]:
    """Account, campaign and variant codes of the period's impressions and clicks, and whether a click."""
    rows, events, names = data.events.during(period), data.events, data.spec.events
    click, show = (events.is_kind(*types)[rows] for types in (names.ad_click, names.ad_impression))
    of = (click | show) & (events.account[rows] >= 0)
    codes = (events.account[rows].astype(np.int64), events.campaigns[0][rows], events.variants[0][rows])
    return *(c[of] for c in codes), click[of]


def _content_conversion(data: Prepared, period: Period) -> Mapping[str, Observed]:
    if not data.events.contents[1].size:
        return {"content_conversion_rate": Missing("no event names a content_id")}
    rows, events, names = data.events.during(period), data.events, data.spec.events
    content, account = events.contents[0][rows], events.account[rows].astype(np.int64)
    known = (content >= 0) & (account >= 0)
    visit = known & events.is_kind(*names.web_visit)[rows]
    done = known & events.is_kind(*names.form, *names.download)[rows]
    who, page = distinct(account[visit], content[visit])
    top = _member((who, page), (account[done], content[done]), len(events.contents[1]))
    dims = {"content": labels(page, events.contents[1])}
    return {
        "content_conversion_rate": ratio(who, top, np.ones(len(top)), "no landing page was visited in the period", dims)
    }


def _impressions(data: Prepared, period: Period) -> Mapping[str, Observed]:
    rows, events, names = data.events.during(period), data.events, data.spec.events
    ads, visit = events.is_kind(*names.ad_impression)[rows], events.is_kind(*names.web_visit)[rows]
    of = (ads | (visit & (events.contents[0][rows] >= 0))) & (events.account[rows] >= 0)
    dims = {"campaign": labels(events.campaigns[0][rows][of], events.campaigns[1])}
    return {"impressions": count(events.account[rows][of].astype(np.int64), dims=dims)}


def _sentiment(data: Prepared, period: Period) -> Mapping[str, Observed]:
    rows = data.events.during(period)
    parts = [(data.events.account[rows].astype(np.int64), data.events.number("sentiment")[rows])]
    surveys = data.tables["surveys"]
    if "sentiment" in surveys:
        at = moments(surveys["answered_at"], NEVER)
        of = (at >= period.begin) & (at < period.stop)
        parts.append((data.codes(surveys["account_id"])[of], surveys["sentiment"].to_numpy(float, na_value=np.nan)[of]))
    account, mood = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    of = ~np.isnan(mood)
    return {
        "brand_sentiment": ratio(
            account[of], mood[of], np.ones(of.sum()), "no mention or answer in the period carries one"
        )
    }


def _social(data: Prepared, period: Period) -> Mapping[str, Observed]:
    rows, events = data.events.during(period), data.events
    of = events.is_kind(*data.spec.events.social)[rows] & (events.account[rows] >= 0)
    return {"social_engagements": count(events.account[rows][of].astype(np.int64))}


def weekly_engagements(data: Prepared, until: int, weeks: int) -> pd.DataFrame:
    """Inbound events a content item (rows) and week (columns, the last one ends at `until`)."""
    events, start = data.events, until - weeks * 7 * DAY
    rows = slice(*np.searchsorted(events.at, [start, until]).tolist())
    content = events.contents[0][rows]
    of = (content >= 0) & events.inbound[rows] & (events.account[rows] >= 0)
    week = (events.at[rows][of] - start) // (7 * DAY)
    table = np.zeros((len(events.contents[1]), weeks))
    np.add.at(table, (content[of], week), 1)
    return pd.DataFrame(table, index=pd.Index(events.contents[1], name="content_id"))


ACCOUNT_TRAFFIC = Metric(
    "account_traffic",
    "web sessions of target accounts; and their share of all sessions, identified or anonymous",
    "influence", "pre_sale", "reputation", ("events",),
    "Visits that nobody could match to an account are missing; matching more of them looks like growth. A machine that "
    "visits without pause counts as one long session.",
    {
        "account_traffic": FigureOf("count", "web sessions", adds_up=True),
        "account_traffic_share": FigureOf("share", "of all sessions, the anonymous ones included"),
    },
    _traffic,
    population="target",
)  # fmt: skip
CONTENT_ENGAGEMENT = Metric(
    "content_engagement_rate",
    "engaged accounts ÷ accounts exposed, each account once a content item; engaged = an inbound event on the item, "
    "exposed = any event on it",
    "influence", "pre_sale", "reputation", ("events",),
    "Who finds an item alone is exposed and engaged at once, so items that nobody promotes look best. Dwell "
    "minutes are "
    "those of events that carry them.",
    {
        "content_engagement_rate": FigureOf("share", "account-items engaged ÷ exposed"),
        "content_engagement_rate_by_channel": FigureOf("share", "the same, each account once an item and channel"),
        "content_dwell_minutes": FigureOf("minutes", "mean minutes of an inbound event on content"),
        "content_downloads": FigureOf("count", "gated downloads", adds_up=True),
    },
    _engagement,
)  # fmt: skip
EMAIL_OPEN = Metric(
    "email_open_rate",
    "mails opened by a human at least once ÷ mails delivered in the period; an open within machine_open_seconds of the "
    "mail is a machine's",
    "influence", "pre_sale", "reputation", ("events",),
    "Privacy proxies that wait, and readers that load no images, cannot be told apart by time. Mails of the last days "
    "may still be opened.",
    {"email_open_rate": FigureOf("share", "of delivered mails")},
    _opens,
)  # fmt: skip
EMAIL_CLICK = Metric(
    "email_click_rate",
    "mails with at least one click ÷ mails delivered in the period",
    "influence", "pre_sale", "reputation", ("events",),
    "Link scanners click too; the noise gate (`noise`) judges them by speed.",
    {"email_click_rate": FigureOf("share", "of delivered mails")},
    _clicks,
)  # fmt: skip
EMAIL_REPLY = Metric(
    "email_reply_rate",
    "mails with at least one reply ÷ mails delivered in the period",
    "influence", "pre_sale", "reputation", ("events",),
    "Out-of-office answers count where the source records them as replies.",
    {"email_reply_rate": FigureOf("share", "of delivered mails")},
    _replies,
)  # fmt: skip
AD_ENGAGEMENT = Metric(
    "ad_engagement_rate",
    "ad clicks ÷ ad impressions; variants of a campaign are compared by a two-proportion test",
    "influence", "pre_sale", "reputation", ("events",),
    "Clicks in the period may answer impressions of the one before. Clicks of one company are not independent: the "
    "interval is drawn over account families, the two-proportion test is not.",
    {"ad_engagement_rate": FigureOf("share", "clicks ÷ impressions")},
    _ads,
)  # fmt: skip
CONTENT_CONVERSION = Metric(
    "content_conversion_rate",
    "accounts with a form or gated download on a content item ÷ accounts that visited its page, each account "
    "once an item",
    "influence", "pre_sale", "reputation", ("events",),
    "Forms filled without a recorded visit are left out. A form is an influence, not a conversion.",
    {"content_conversion_rate": FigureOf("share", "account-items converted ÷ visited")},
    _content_conversion,
)  # fmt: skip
IMPRESSIONS = Metric(
    "impressions",
    "ad impressions and content views of target accounts",
    "influence", "pre_sale", "reputation", ("events",),
    "Shown is not seen.",
    {"impressions": FigureOf("count", "ads shown and content views", adds_up=True)},
    _impressions,
    population="target",
)  # fmt: skip
BRAND_SENTIMENT = Metric(
    "brand_sentiment",
    "mean sentiment of mentions and survey answers, -1 to 1; its change against the baseline stands beside it",
    "influence", "pre_sale", "reputation", (),
    "Whoever answers is not whoever is silent. Sentiment by machine reads irony as praise.",
    {"brand_sentiment": FigureOf("ratio", "mean sentiment, -1 to 1")},
    _sentiment,
)  # fmt: skip
SOCIAL = Metric(
    "social_engagements",
    "shares, comments and follows by contacts of target accounts",
    "influence", "pre_sale", "reputation", ("events",),
    "Only contacts whose profile is matched to an account are counted.",
    {"social_engagements": FigureOf("count", "shares, comments, follows", adds_up=True)},
    _social,
    population="target",
)  # fmt: skip
