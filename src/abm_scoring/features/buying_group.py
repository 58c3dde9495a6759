"""Buying group: which roles are known, which are engaged, which are missing."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field

from abm_scoring.features.catalogue import Feature
from abm_scoring.features.context import Context
from abm_scoring.features.history import View
from abm_scoring.features.moments import DAY
from abm_scoring.features.profile import ProfileSpec
from abm_scoring.features.seen import Seen
from abm_scoring.spec import Spec


class BuyingGroupSpec(Spec):
    """Roles and seniority of the contacts known at `as_of`, and who of them engaged lately.

    Contacts without a `known_at` date are never used, because nobody can say when they became known; contacts who
    objected before `as_of` are not used from then on.
    """

    kind: Literal["buying_group"]
    roles: tuple[str, ...] = Field(
        ("decision_maker", "influencer", "user", "buyer", "finance", "it"), description="buying roles that are needed"
    )
    senior: tuple[str, ...] = Field(("c_level", "director"), description="levels that count as senior")
    engaged_days: int = Field(90, ge=1, description="engaged = took part in inbound events in this many days")

    def resolve(self, seen: Seen, profile: ProfileSpec | None) -> Self:
        """Nothing is chosen from the data."""
        return self

    def features(self) -> tuple[Feature, ...]:
        """What the family gives, in the order of `build`'s columns."""
        days, required = self.engaged_days, len(self.roles)
        return (
            _feature("contacts_known", "contacts", "Contacts known.", "contacts_known"),
            _feature(
                "contacts_engaged", "contacts", f"Contacts engaged in {days} days.", "contacts_engaged", days=days
            ),
            _feature(
                "roles_known", "roles", "Needed buying roles with a known contact.", "roles_known", required=required
            ),
            _feature(
                "roles_engaged",
                "roles",
                f"Needed buying roles with a contact engaged in {days} days.",
                "roles_engaged",
                required=required,
                days=days,
            ),
            _feature(
                "roles_missing",
                "roles",
                "Needed buying roles without a known contact.",
                "roles_missing",
                sign=-1,
                required=required,
            ),
            _feature("senior_known", "contacts", "Senior contacts known.", "senior_known"),
            _feature(
                "senior_engaged", "contacts", f"Senior contacts engaged in {days} days.", "senior_engaged", days=days
            ),
        )

    def build(self, view: View, context: Context) -> pd.DataFrame:
        """One row per row of the view."""
        contacts = self.contacts(view)
        n, row = len(view), contacts["row"].to_numpy("int64")
        engaged = contacts["engaged"].to_numpy(bool)
        senior = contacts["seniority"].isin(self.senior).to_numpy()
        known_roles, engaged_roles = self._roles(contacts, n), self._roles(contacts[engaged], n)
        columns = {
            "contacts_known": np.bincount(row, minlength=n),
            "contacts_engaged": np.bincount(row[engaged], minlength=n),
            "roles_known": known_roles,
            "roles_engaged": engaged_roles,
            "roles_missing": len(self.roles) - known_roles,
            "senior_known": np.bincount(row[senior], minlength=n),
            "senior_engaged": np.bincount(row[senior & engaged], minlength=n),
        }
        return pd.DataFrame({f.name: columns[f.name].astype("float64") for f in self.features()}, view.rows.index)

    def contacts(self, view: View) -> pd.DataFrame:
        """The contacts that count for each row: `row`, `contact_id`, `buying_role`, `seniority`, `engaged` (bool)."""
        from abm_scoring.features.measuring import engaged_contacts

        known = view.known("contacts")
        if "objected_at" in known:
            known = known[known["objected_at"].isna()].reset_index(drop=True)
        known = known.reindex(columns=["row", "contact_id", "buying_role", "seniority"])
        return known.assign(engaged=engaged_contacts(view, known, self.engaged_days * DAY))

    def _roles(self, contacts: pd.DataFrame, n: int) -> np.ndarray:
        """Number of distinct needed roles per row, int64 [n]."""
        needed = contacts[contacts["buying_role"].isin(self.roles)]
        distinct = needed.drop_duplicates(["row", "buying_role"])["row"].to_numpy("int64")
        return np.bincount(distinct, minlength=n)


def _feature(
    name: str, unit: str, meaning: str, phrase: str, sign: Literal[-1, 0, 1] = 1, **args: str | float
) -> Feature:
    return Feature(
        name=name,
        topic="buying_group",
        unit=unit,
        meaning=meaning,
        source="contacts",
        part="behaviour",
        phrase=phrase,
        args=dict(args),
        sign=sign,
    )
