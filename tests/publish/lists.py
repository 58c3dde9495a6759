"""A published list of any size, with everything that a run can fill, and the frames beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from abm_scoring.features.catalogue import Feature
from abm_scoring.publish.words import Words

AS_OF = pd.Timestamp("2026-06-01", tz="UTC").as_unit("us")
_FIRST = ("Nord", "Alpen", "Vita", "Hanse", "Delta", "Terra", "Quanta", "Lumen", "Rhein", "Silva", "Astra", "Borea")
_LAST = ("Pharma", "Systems", "Logistik", "Biotech", "Motors", "Energy", "Foods", "Software", "Health", "Chemie")
_FORM = ("GmbH", "AG", "SE", "S.R.L.", "Ltd", "KG")
_ROLES = ("decision_maker", "influencer", "user", "buyer", "finance", "it")


def _feature(name: str, phrase: str, **args: str | int) -> Feature:
    return Feature.model_validate(
        {"name": name, "topic": name, "meaning": "m", "source": "events", "part": "fit", "phrase": phrase, "args": args}
    )


#: Features that speak for an account, with values to draw from, and features that speak against it.
_GOOD = (
    (_feature("visits", "event_count", event_type="web_visit", days=30), (2, 5, 12, 31)),
    (_feature("sector", "fit_sector"), (1,)),
    (_feature("contacts", "contacts_engaged", days=90), (2, 3, 5)),
    (_feature("demo", "recency", event_type="demo_request"), (1.5, 4.2, 21.9)),
    (_feature("roles", "roles_engaged", required=6), (3, 4, 5)),
    (_feature("size", "fit_size"), (1,)),
    (_feature("pace", "momentum", event_type="web_visit", short_days=30, long_days=90), (1.8, 2.1, 3.4)),
)
_BAD = (
    (_feature("meetings", "event_count", event_type="meeting", days=90), (0,)),
    (_feature("country", "fit_region"), (0,)),
    (_feature("known", "roles_known", required=6), (1, 2)),
)


def _sentence(of: tuple[tuple[Feature, tuple[float, ...]], ...], pick: int, words: Words, positive: bool) -> str:
    feature, values = of[pick % len(of)]
    return words.reason(feature, float(values[pick % len(values)]), positive=positive)


def make_list(n: int, seed: int = 1, language: str = "en") -> tuple[pd.DataFrame, pd.DataFrame]:
    """The list as published, and the frozen rows behind it, both n rows in list order."""
    random, words = np.random.default_rng(seed), Words(language)
    score = np.sort(random.beta(1.3, 1.8, n) * 100)[::-1]
    change = np.round(random.normal(0, 4, n), 1)
    status = np.where(score > 82, random.choice(["mqa", "accepted"], n, p=[0.8, 0.2]), "none").astype(object)
    status[(score > 70) & (score <= 82)] = random.choice(
        ["none", "recycled", "expired"], int(((score > 70) & (score <= 82)).sum())
    )
    since = AS_OF - pd.to_timedelta(random.integers(0, 60, n), unit="D")
    has = status != "none"
    picks = random.integers(0, 40, (n, 6)) + 1
    names = [
        f"{_FIRST[a]} {_LAST[b]} {_FORM[c]}" + (f" {i}" if n > 700 else "")
        for i, (a, b, c) in enumerate(
            zip(*(random.integers(0, len(x), n) for x in (_FIRST, _LAST, _FORM)), strict=True)
        )
    ]
    roles = [random.permutation(_ROLES) for _ in range(n)]
    engaged = random.integers(0, 4, n)
    missing = random.integers(0, 3, n)
    ids = [f"A{i + 1:05d}" for i in range(n)]
    probability = 1 / (1 + np.exp(-(score - 88) / 12))
    published = pd.DataFrame(
        {
            "rank": np.arange(1, n + 1),
            "account_id": ids,
            "account_name": names,
            "domain": [name.lower().replace(" ", "-").replace(".", "") + ".example" for name in names],
            "owner_id": random.choice(["Ana Popescu", "Jonas Weber", "Marie Curie", "Ivan Petrov"], n),
            "sector": random.choice(["Pharma", "Logistics", "Biotech", "Automotive", "Energy"], n),
            "employee_count": (10 ** random.uniform(1.5, 4.5, n)).round(),
            "annual_revenue": (10 ** random.uniform(6, 9, n)).round(-3),
            "region": random.choice(["DACH", "Nordics", "CEE", "Benelux"], n),
            "country": random.choice(["AT", "DE", "CH", "SE", "RO", "NL"], n),
            "tier": np.select(
                [np.arange(n) < 0.02 * n, np.arange(n) < 0.12 * n], ["one-to-one", "one-to-few"], "one-to-many"
            ),
            "score": score.round(1),
            "score_percentile": (100 * np.arange(n, 0, -1) / n).round(1),
            "grade": np.array(["A", "B", "C", "D"])[
                np.searchsorted([0.1, 0.3, 0.6], np.arange(n) / max(n, 1), "right")
            ],
            "conversion_probability": probability.round(5),
            "expected_deal_value": (10 ** random.uniform(4, 5.5, n)).round(),
            "fit_score": random.uniform(20, 99, n).round(1),
            "engagement_score": np.clip(score + random.normal(0, 12, n), 0, 100).round(1),
            "score_previous": np.clip(score - change, 0, 100).round(1),
            "score_change": change,
            "score_trend": np.select([change > 3, change < -3], ["up", "down"], "flat"),
            "mqa_status": status,
            "mqa_reason": pd.Series(np.where(has, words.rule("enter_threshold"), None), dtype="str"),
            "mqa_since": pd.Series(since).where(has),
            "mqa_age_days": pd.Series((AS_OF - since).days, dtype="Int64").where(has),
            **{f"reason_{k + 1}": [_sentence(_GOOD, p[0] + k, words, True) for p in picks] for k in range(4)},
            **{f"negative_reason_{k + 1}": [_sentence(_BAD, p[1] + k, words, False) for p in picks] for k in range(2)},
            "change_reason": [
                words.change("web_visit" if c > 0 else "meeting", c, "behaviour") if abs(c) > 2 else None
                for c in change
            ],
            "known_contacts": random.integers(0, 14, n),
            "engaged_contacts": engaged,
            "roles_engaged": ["; ".join(r[:k]) for r, k in zip(roles, engaged, strict=True)],
            "roles_missing": ["; ".join(r[len(r) - k :]) for r, k in zip(roles, missing, strict=True)],
            "last_activity_at": pd.Series(AS_OF - pd.to_timedelta(random.integers(1, 90, n), unit="D")),
            "data_completeness": random.uniform(0.4, 1, n).round(2),
            "rung": "average",
            "horizon_days": 90,
            "data_as_of": "2026-06-01",
            "model_version": "20260501-ab12cd34",
            "config_hash": "0123456789abcdef",
        }
    )
    published.insert(
        16, "expected_value", (published["conversion_probability"] * published["expected_deal_value"]).round()
    )
    frozen = pd.DataFrame({"account_id": ids})
    for prefix, count, sign in (("reason", 4, 1), ("negative_reason", 2, -1)):
        strength = sign * -np.sort(-random.uniform(0.05, 1.2, (n, count)), axis=1)
        frozen = frozen.assign(**{f"{prefix}_{k + 1}_contribution": strength[:, k] for k in range(count)})
    rate = np.exp(random.normal(-0.5, 1, n) + score / 60)
    weekly = random.poisson(rate[:, None] * np.linspace(0.4, 1.4, 26)[None, :])
    frozen = pd.concat([frozen, pd.DataFrame(weekly, columns=[f"activity_week_{w:02d}" for w in range(1, 27)])], axis=1)
    return published, frozen


def make_transitions(published: pd.DataFrame) -> pd.DataFrame:
    """Some accounts that became MQAs tonight, and some that stopped being one."""
    new = published[published["mqa_status"] == "mqa"].head(8)
    lost = published[published["mqa_status"].isin(["recycled", "expired"])].head(6)
    rows = [
        *(
            (a, AS_OF, "none", "mqa", "enter_threshold", s, 85.0)
            for a, s in zip(new["account_id"], new["score"], strict=True)
        ),
        *(
            (a, AS_OF, "mqa", "expired", "leave_threshold", s, 75.0)
            for a, s in zip(lost["account_id"], lost["score"], strict=True)
        ),
    ]
    return pd.DataFrame(rows, columns=["account_id", "as_of", "from", "to", "rule", "value", "threshold"])


def make_history(published: pd.DataFrame, runs: int = 8, seed: int = 2) -> pd.DataFrame:
    """Weekly scores up to today's, one row an account and run."""
    random = np.random.default_rng(seed)
    now = published["score"].to_numpy()
    parts = []
    for back in range(runs - 1, -1, -1):
        score = now if back == 0 else np.clip(now + random.normal(0, 3, len(now)) - back, 0, 100).round(1)
        parts.append(
            pd.DataFrame(
                {"account_id": published["account_id"], "as_of": AS_OF - pd.Timedelta(days=7 * back), "score": score}
            )
        )
    return pd.concat(parts, ignore_index=True)
