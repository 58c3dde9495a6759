"""Tables as columns, coded once: what every metric reads, for whatever period, segment or campaign."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from abm_scoring.data.families import families
from abm_scoring.data.tables import Tables
from abm_scoring.features.moments import ALWAYS, NEVER, moments
from abm_scoring.features.profile import ProfileSpec
from abm_scoring.roi.metrics.arrays import first_of
from abm_scoring.roi.metrics.events import Events
from abm_scoring.roi.metrics.observed import Given
from abm_scoring.roi.metrics.spec import KpiSpec
from abm_scoring.roi.periods import Period

Made = TypeVar("Made")

#: Label of an account about which a segment's column says nothing.
UNKNOWN = "(unknown)"


@dataclass(frozen=True)
class Prepared:
    """Everything that metrics look at, cut at the report's day.

    Attributes:
        tables: As known at the report's day; see `past.as_known`.
        spec: What counts as what.
        ids: Sorted account ids; the place of an id is its code.
        family: int64 [accounts], code of the family.
        profile: Whom the business wants; None: nobody said.
        margin_rate: Gross margin ÷ amount, for deals that do not carry their own; None: unknown.
        returns: What a deal brings: gross margin or revenue.
        mqa: MQA spells `account_id`, `entered_at`, `left_at` (NaT = open); None: no status is kept.
        scored: `account_id` and `as_of` of what published runs scored; None: there is no run.
        given: Figures that are computed elsewhere, by metric.
    """

    tables: Tables
    spec: KpiSpec
    ids: pd.Index
    family: np.ndarray
    profile: ProfileSpec | None = None
    margin_rate: float | None = None
    returns: str = "gross_margin"
    mqa: pd.DataFrame | None = None
    scored: pd.DataFrame | None = None
    given: Mapping[str, Given] = field(default_factory=dict)
    _made: dict[tuple[str | int, ...], Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(
        cls,
        tables: Tables,
        spec: KpiSpec,
        profile: ProfileSpec | None = None,
        margin_rate: float | None = None,
        returns: str = "gross_margin",
        mqa: pd.DataFrame | None = None,
        scored: pd.DataFrame | None = None,
        given: Mapping[str, Given] | None = None,
    ) -> Prepared:
        """Code the accounts; everything else is coded when it is first asked for."""
        family = families(tables["accounts"])
        codes = pd.factorize(family.to_numpy(object), sort=True)[0].astype(np.int64)
        return cls(tables, spec, family.index, codes, profile, margin_rate, returns, mqa, scored, given or {})

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def families(self) -> int:
        """How many families there are."""
        return int(self.family.max(initial=-1)) + 1

    def once(self, name: str, moments_: tuple[int, ...], make: Callable[[], Made]) -> Made:
        """What several metrics need of a stretch of time, made once; shared, so never changed in place."""
        key: tuple[str | int, ...] = (name, *moments_)
        if key not in self._made:
            self._made[key] = make()
        found: Made = self._made[key]
        return found

    def codes(self, account_id: pd.Series) -> np.ndarray:
        """int64 codes of account ids; -1 for none and for strangers."""
        return self.ids.get_indexer(pd.Index(account_id)).astype(np.int64)

    def has(self, *names: str) -> bool:
        """Whether tables were given."""
        return all(name in self.tables for name in names)

    @cached_property
    def events(self) -> Events:
        """The events by time."""
        return Events.of(self.tables["events"], self.ids, self.contacts, self.spec)

    @cached_property
    def deals(self) -> pd.DataFrame:
        """Opportunities by `account` code.

        `created`, `closed`, `cancelled`, `ends` in microseconds (`NEVER` = not); `won`, `lost` (bool); `amount`,
        `margin`, `brings`, `months` (float, NaN = unknown); `kind`.
        """
        frame = self.tables["opportunities"]
        column = {n: frame[n] if n in frame else pd.Series(np.nan, frame.index) for n in _DEAL_NUMBERS}
        is_won = frame["is_won"] if "is_won" in frame else pd.Series(pd.NA, frame.index, dtype="boolean")
        amount = column["amount"].to_numpy(float)
        rate = np.nan if self.margin_rate is None else self.margin_rate
        margin = column["gross_margin"].to_numpy(float)
        margin = np.where(np.isnan(margin), amount * rate, margin)
        found = pd.DataFrame(
            {
                "account": self.codes(frame["account_id"]),
                "created": moments(frame["created_at"], NEVER),
                **{
                    n: moments(frame[f"{n}_at"], NEVER) if f"{n}_at" in frame else NEVER
                    for n in ("closed", "cancelled")
                },
                "won": is_won.fillna(False).to_numpy(bool),
                "lost": (~is_won.fillna(True)).to_numpy(bool),
                "amount": amount,
                "margin": margin,
                "brings": margin if self.returns == "gross_margin" else amount,
                "months": column["contract_months"].to_numpy(float),
                "kind": (frame["kind"] if "kind" in frame else pd.Series("new", frame.index))
                .fillna("new")
                .to_numpy(object),
            }
        )
        runs = np.where(found["months"] > 0, found["months"] * _MONTH, np.inf)
        ends = np.where(np.isinf(runs), float(NEVER), found["closed"].to_numpy(float) + runs)
        return found.assign(
            ends=np.minimum(np.where(ends >= float(NEVER), NEVER, ends), found["cancelled"]).astype(np.int64)
        )

    @cached_property
    def targets(self) -> pd.DataFrame:
        """Target list: `account` code, `since`, `until` in microseconds, `tier`."""
        frame = self.tables["target_list"]
        until = moments(frame["to"], NEVER) if "to" in frame else np.full(len(frame), NEVER)
        tier = (frame["tier"] if "tier" in frame else pd.Series(index=frame.index, dtype="str")).fillna(UNKNOWN)
        since = moments(frame["from"], ALWAYS)
        return pd.DataFrame({"account": self.codes(frame["account_id"]), "since": since, "until": until, "tier": tier})

    def targeted(self, period: Period) -> np.ndarray:
        """bool [accounts]: on the target list at any time of the period; everybody where there is no such list."""
        if not self.has("target_list"):
            return np.ones(len(self), bool)
        rows = self.targets
        on = (rows["account"] >= 0) & (rows["since"] < period.stop) & (rows["until"] > period.begin)
        found = np.zeros(len(self), bool)
        found[rows["account"][on].to_numpy()] = True
        return found

    def tiers(self, period: Period) -> np.ndarray:
        """Tier [accounts] by the last entry of the target list in the period; None off the list."""
        found = np.full(len(self), None, dtype=object)
        rows = self.targets.sort_values("since", kind="stable")
        on = (rows["account"] >= 0) & (rows["since"] < period.stop) & (rows["until"] > period.begin)
        found[rows["account"][on].to_numpy()] = rows["tier"][on].to_numpy(object)
        return found

    @cached_property
    def last_version(self) -> pd.DataFrame:
        """One row an account, in order of code."""
        return (
            self.tables["accounts"].drop_duplicates("account_id", keep="last").set_index("account_id").reindex(self.ids)
        )

    def segment(self, name: str) -> np.ndarray | None:
        """Label [accounts] of a segment; None where the accounts have no such column."""
        column = "employee_count" if name == "size" else name
        if column not in self.last_version:
            return None
        values = self.last_version[column]
        if name != "size":
            return values.astype(object).where(values.notna(), UNKNOWN).to_numpy(object)
        edges = np.array(self.spec.size_bands)
        labels = np.array(_bands(self.spec.size_bands), dtype=object)
        place = np.searchsorted(edges, values.to_numpy(float, na_value=np.nan), side="right")
        return np.where(values.isna(), UNKNOWN, labels[np.minimum(place, len(edges))])

    @cached_property
    def fits(self) -> np.ndarray | None:
        """bool [accounts]: agrees with every dimension of the profile that is judged; None without a profile.

        Sector and size are the account's own, countries and regions those of any site of its family; what is not known
        does not fit. Values are left out: too few companies publish theirs.
        """
        if self.profile is None:
            return None
        rows, wanted, found = self.last_version, self.profile, np.ones(len(self), bool)
        if wanted.sectors:
            found &= _in(rows, "sector", wanted.sectors)
        if wanted.employee_count is not None:
            size = rows["employee_count"] if "employee_count" in rows else pd.Series(np.nan, rows.index)
            found &= ((size >= wanted.employee_count.low) & (size <= wanted.employee_count.high)).to_numpy(bool)
        if wanted.countries or wanted.regions:
            site = _in(rows, "country", wanted.countries) | _in(rows, "region", wanted.regions)
            found &= np.bincount(self.family, site, minlength=self.families)[self.family] > 0
        return found

    @cached_property
    def costs(self) -> pd.DataFrame:
        """Costs: `at` in microseconds, `kind`, `account` code, `campaign_id`, `content_id`, `money`.

        Money is the amount, else hours × rate.
        """
        frame = self.tables["costs"]
        money = frame["amount"] if "amount" in frame else pd.Series(np.nan, frame.index)
        if "hours" in frame and "hourly_rate" in frame:
            money = money.fillna(frame["hours"] * frame["hourly_rate"])
        text = {
            n: frame[n] if n in frame else pd.Series(index=frame.index, dtype="str")
            for n in ("campaign_id", "content_id")
        }
        account = self.codes(frame["account_id"]) if "account_id" in frame else np.full(len(frame), -1)
        at = moments(frame["incurred_on"], NEVER)
        return pd.DataFrame({"at": at, "kind": frame["kind"], "account": account, **text, "money": money.fillna(0.0)})

    @cached_property
    def contacts(self) -> pd.DataFrame:
        """Contacts who did not object: `account` code, `known` (microseconds), `role`, `stance`; by contact_id."""
        frame = self.tables["contacts"]
        if "objected_at" in frame:
            frame = frame[frame["objected_at"].isna()]
        known = moments(frame["known_at"], ALWAYS) if "known_at" in frame else np.full(len(frame), ALWAYS)
        text = {
            n: frame[c].to_numpy(object) if c in frame else None
            for n, c in (("role", "buying_role"), ("stance", "stance"))
        }
        account = self.codes(frame["account_id"]) if "account_id" in frame else np.full(len(frame), -1)
        return pd.DataFrame({"account": account, "known": known, **text}, index=pd.Index(frame["contact_id"]))

    @cached_property
    def spells(self) -> pd.DataFrame | None:
        """MQA spells: `account` code, `entered`, `left` in microseconds."""
        if self.mqa is None:
            return None
        stamps = moments(self.mqa["entered_at"], NEVER), moments(self.mqa["left_at"], NEVER)
        return pd.DataFrame({"account": self.codes(self.mqa["account_id"]), "entered": stamps[0], "left": stamps[1]})

    def first_sql(self) -> np.ndarray:
        """int64 [accounts]: when the first sales-qualified lead was recorded; `NEVER` where there is none."""
        events = self.events
        return first_of(len(self), events.account, events.at, events.is_kind(*self.spec.events.sql))

    def first_mqa(self) -> np.ndarray:
        """int64 [accounts]: when the first MQA spell began; `NEVER` where there is none."""
        found = np.full(len(self), NEVER)
        if self.spells is not None:
            rows = self.spells[self.spells["account"] >= 0]
            np.minimum.at(found, rows["account"].to_numpy(), rows["entered"].to_numpy())
        return found

    @cached_property
    def first_touch(self) -> np.ndarray:
        """int64 [accounts]: the first contact with the brand, in whichever direction; `NEVER` where there is none."""
        return first_of(len(self), self.events.account, self.events.at, self.events.touch)


_DEAL_NUMBERS = ("amount", "gross_margin", "contract_months")
#: A month in microseconds.
_MONTH = 365.25 / 12 * 86_400_000_000


def _bands(edges: Sequence[float]) -> list[str]:
    ends = [f"{e:g}" for e in edges]
    if not ends:
        return ["all"]
    middle = [f"{a} to {b}" for a, b in pairwise(ends)]
    return [f"below {ends[0]}", *middle, f"{ends[-1]} or more"]


def _in(rows: pd.DataFrame, column: str, wanted: Sequence[str]) -> np.ndarray:
    if not wanted or column not in rows:
        return np.zeros(len(rows), bool)
    folded = {str(w).casefold() for w in wanted}
    return rows[column].astype("str").str.casefold().isin(folded).to_numpy(bool)
