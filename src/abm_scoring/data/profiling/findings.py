"""Things that look wrong and break no rule, so that a run goes on: gaps, drops, odd spellings, lost references."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from abm_scoring.data.normalise.texts import country_code
from abm_scoring.data.normalise.words import VOCABULARY
from abm_scoring.data.schema import TABLES
from abm_scoring.data.tables import Tables
from abm_scoring.errors import ConfigError

#: Column with the time of a table's rows.
TIMES = {
    "events": "occurred_at",
    "opportunities": "created_at",
    "invoices": "invoiced_on",
    "contacts": "known_at",
    "accounts": "known_at",
    "costs": "incurred_on",
    "dispositions": "decided_at",
    "surveys": "answered_at",
    "referrals": "referred_at",
    "anonymous_traffic": "day",
}
#: Columns that name a row of another table, and that table's key.
REFERENCES = {
    "campaign_id": ("campaigns", "campaign_id"),
    "content_id": ("content", "content_id"),
    "opportunity_id": ("opportunities", "opportunity_id"),
    "contact_id": ("contacts", "contact_id"),
    "parent_account_id": ("accounts", "account_id"),
}
_MANY = 300
_EXAMPLES = 3


@dataclass(frozen=True)
class Finding:
    """One thing that looks wrong.

    Attributes:
        table, column: Where; the column is empty where the table as a whole is meant.
        code: Short name of the kind of finding.
        what: What was seen, with an example that is no personal data.
        rows: Rows concerned.
        accounts: Accounts concerned; None where no single ones are.
        cost: What it costs, in words.
        fix: What to do.
    """

    table: str
    column: str
    code: str
    what: str
    rows: int
    accounts: int | None
    cost: str
    fix: str

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        return asdict(self)


def findings(tables: Tables, as_of: pd.Timestamp) -> list[Finding]:
    """Everything that looks wrong, the most rows first within a kind.

    Args:
        tables: Canonical tables.
        as_of: The moment to stand on.
    """
    found: list[Finding] = []
    for name in tables:
        frame = tables[name]
        found += [*_volume(name, frame, as_of), *_spellings(name, frame), *_references(name, frame, tables)]
        found += [*_numbers(name, frame), *_empty(name, frame)]
    found += _accounts(tables)
    return sorted(found, key=lambda f: (f.code, -f.rows, f.table, f.column))


def _volume(name: str, frame: pd.DataFrame, as_of: pd.Timestamp) -> Iterator[Finding]:
    """Days without rows where there always were some, and weeks with under a third of the usual rows."""
    time = TIMES.get(name)
    if name not in ("events", "invoices") or time is None or len(frame) < 200:
        return
    days = frame.loc[frame[time] < as_of, time].dt.floor("D").value_counts().sort_index()
    span = pd.date_range(days.index.min(), as_of.floor("D") - pd.Timedelta(days=1), freq="D")
    daily = days.reindex(span, fill_value=0).tz_localize(None)  # resampling ignores the origin of days with a zone
    weekly = daily.resample("7D", origin=daily.index[-1] + pd.Timedelta(days=1)).sum().iloc[1:]
    usual = weekly.rolling(8, min_periods=4).median().shift()
    for week, count in weekly[(weekly < usual / 3) & (usual >= 7)].items():
        what = f"{int(count)} rows in the week from {week:%Y-%m-%d}, usually {usual[week]:.0f}"
        cost = "accounts look inactive in that week"
        yield Finding(name, time, "drop", what, int(usual[week] - count), None, cost, "export that week again")


def _spellings(name: str, frame: pd.DataFrame) -> Iterator[Finding]:
    """Texts that differ from another one, or from a known word, in spelling only."""
    for column in _categories(name, frame):
        counts = frame[column].value_counts()
        for odd, right in _near_texts(counts, VOCABULARY.get(column, ())):
            if column == "country" and _two_countries(odd, right):
                continue
            rows = frame[column] == odd
            what = f"{odd!r} looks like {right!r}"
            cost = "the two are different categories to a model"
            fix = f"map it: values: {{{column}: {{{odd}: {right}}}}}"
            yield Finding(name, column, "spelling", what, int(rows.sum()), _n_accounts(frame[rows]), cost, fix)


def _categories(name: str, frame: pd.DataFrame) -> list[str]:
    """Text columns with few enough values to be categories; never names, ids or addresses."""
    typed = {c.name: c.type for c in TABLES[name].columns}
    skipped = {"account_name", "domain", "landing_page", "title", "campaign_name", "reason", "values", "currency"}
    names = [name for name in map(str, frame.columns) if str(frame[name].dtype) == "str"]
    texts = [name for name in names if typed.get(name, "text") == "text" and name not in skipped]
    return [c for c in texts if 0 < frame[c].nunique() <= _MANY]


def _near_texts(counts: pd.Series, known: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    texts = [str(t) for t in counts.index]
    plain: dict[str, str] = {}
    for text in texts:  # the most frequent first
        key = _plain(text)
        if key in plain:
            yield text, plain[key]
            continue
        near = difflib.get_close_matches(key, [p for p in plain if p[:1] == key[:1] and len(p) > 4], n=1, cutoff=0.88)
        rare = bool(near) and counts[text] * 5 <= counts[plain[near[0]]]
        word = difflib.get_close_matches(text.lower(), known, n=1, cutoff=0.8) if text.lower() not in known else []
        if rare:
            yield text, plain[near[0]]
        elif word and word[0] not in texts:
            yield text, plain.get(_plain(word[0]), word[0])
        plain[key] = text


def _two_countries(one: str, other: str) -> bool:
    """Whether both are countries, and different ones, like Iceland and Ireland."""
    try:
        codes = country_code(one), country_code(other)
    except ConfigError:  # the library that knows countries is an extra
        return False
    return None not in codes and codes[0] != codes[1]


def _plain(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def _references(name: str, frame: pd.DataFrame, tables: Tables) -> Iterator[Finding]:
    """Ids that no row of the table they point to has."""
    for column, (other, key) in REFERENCES.items():
        if column not in frame or other not in tables or (other == name and column == key):
            continue
        known = set(tables[other][key].dropna())
        lost = frame[column].notna() & ~frame[column].isin(known)
        if not lost.any():
            continue
        shown, hint = _unknown(frame.loc[lost, column], known) if column != "contact_id" else ("", "")
        what = f"{int(lost.sum())} of {int(frame[column].notna().sum())} rows name one that {other} lacks{shown}"
        cost = f"what {other} knows is lost for them"
        fix = hint or f"load the missing rows of {other}"
        yield Finding(name, column, "unknown_reference", what, int(lost.sum()), _n_accounts(frame[lost]), cost, fix)


def _unknown(ids: pd.Series, known: set[str]) -> tuple[str, str]:
    examples = ids.value_counts().index[:_EXAMPLES]
    plain = {_plain(k): k for k in sorted(known)}
    pairs = [(str(e), plain[_plain(str(e))]) for e in examples if _plain(str(e)) in plain]
    hint = f"{pairs[0][0]!r} is {pairs[0][1]!r} there: bring ids to one spelling" if pairs else ""
    return f", e.g. {', '.join(map(repr, examples))}", hint


def _numbers(name: str, frame: pd.DataFrame) -> Iterator[Finding]:
    """Negative money, placeholders that many rows share, and values far beyond all others."""
    for column in map(str, frame.select_dtypes("number")):
        values = frame[column].dropna().astype("float64")
        if len(values) < 20:
            continue
        rows = frame[column].notna()
        if (values < 0).any() and column in ("annual_revenue", "amount") and name != "invoices":
            bad = rows & (frame[column] < 0)
            yield _odd(name, column, frame[bad], "negative", f"{int(bad.sum())} values below 0", "correct them")
        common = values[values.isin([0, 1, 999, 9999, 99999, 999999, 1234, 12345])].value_counts()
        if (
            column in ("employee_count", "annual_revenue", "founded_year")
            and len(common)
            and common.iloc[0] > 0.02 * len(values)
        ):
            bad = rows & (frame[column] == common.index[0])
            what = f"{int(common.iloc[0])} rows hold exactly {common.index[0]:g}, which may be a placeholder"
            yield _odd(
                name, column, frame[bad], "placeholder", what, "leave it empty in the source, or list it in null_values"
            )
        high = float(np.quantile(values, 0.99)) * 1000
        if high > 0 and (values > high).any():
            bad = rows & (frame[column] > high)
            what = f"{int(bad.sum())} values above a thousand times the 99th percentile, e.g. {values.max():g}"
            yield _odd(name, column, frame[bad], "outlier", what, "look for a wrong unit or separator")


def _odd(name: str, column: str, frame: pd.DataFrame, code: str, what: str, fix: str) -> Finding:
    return Finding(name, column, code, what, len(frame), _n_accounts(frame), "size and value are judged wrongly", fix)


def _empty(name: str, frame: pd.DataFrame) -> Iterator[Finding]:
    for column in frame:
        missing = frame[column].isna()
        if len(frame) and missing.all() and column in TABLES[name].by_name:
            cost = "features that use it are left out"
            yield Finding(
                name, column, "empty_column", "has no value in any row", len(frame), None, cost, "map another column"
            )


def _accounts(tables: Tables) -> Iterator[Finding]:
    """Accounts that nothing is known of beside their own row."""
    ids = pd.Index(tables["accounts"]["account_id"].unique())
    seen = [n for n in ("events", "opportunities", "contacts", "invoices") if n in tables and len(tables[n])]
    if not seen:
        return
    known = {i for n in seen for i in tables[n]["account_id"].dropna().unique()}
    lonely = ids[~ids.isin(list(known))]
    if len(lonely):
        shown = ", ".join(lonely[:_EXAMPLES])
        what = f"{len(lonely)} of {len(ids)} accounts have no row in {', '.join(seen)}, e.g. {shown}"
        fix = "match their contacts and visits (docs/how-to/matching.md), or accept that fit alone ranks them"
        yield Finding(
            "accounts", "account_id", "no_activity", what, len(lonely), len(lonely), "scored by fit alone", fix
        )


def _n_accounts(frame: pd.DataFrame) -> int | None:
    return int(frame["account_id"].nunique()) if "account_id" in frame else None


def unused_tables(tables: Tables, features: Mapping[str, int]) -> list[Finding]:
    """Tables that are not there although features are asked of them.

    Args:
        tables: Canonical tables.
        features: Table → number of features that come from it.
    """
    return [
        Finding(
            t,
            "",
            "missing_table",
            "is not among the sources",
            0,
            None,
            f"{n} features are left out",
            f"add sources.{t}",
        )
        for t, n in sorted(features.items())
        if t not in tables
    ]
