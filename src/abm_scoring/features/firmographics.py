"""Firmographics: what the company is."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field

from abm_scoring.features.catalogue import Feature
from abm_scoring.features.context import Context
from abm_scoring.features.history import View
from abm_scoring.features.profile import ProfileSpec
from abm_scoring.features.seen import Seen
from abm_scoring.spec import Spec

NumberColumn = Literal["employee_count", "annual_revenue", "founded_year"]
CategoryColumn = Literal["sector", "country", "region"]


class FirmographicsSpec(Spec):
    """Size, age, sector, place, and what of it is unknown."""

    kind: Literal["firmographics"] = "firmographics"
    columns: tuple[NumberColumn | CategoryColumn | Literal["parent_account_id"], ...] = Field(
        ("employee_count", "annual_revenue", "founded_year", "sector", "country", "region", "parent_account_id"),
        description="columns of accounts to use; those that the table lacks are left out",
    )

    def resolve(self, seen: Seen, profile: ProfileSpec | None) -> Self:
        """The same with only the columns that the accounts have."""
        kept = tuple(c for c in self.columns if seen.knows("accounts", c))
        return self.model_copy(update={"columns": kept})

    def features(self) -> tuple[Feature, ...]:
        """What the family gives, in the order of `build`'s columns."""
        return tuple(_FEATURES[c] for c in self.columns)

    def build(self, view: View, context: Context) -> pd.DataFrame:
        """One row per row of the view."""
        account = view.account()
        columns: dict[str, pd.Series | np.ndarray] = {}
        for column, feature in zip(self.columns, self.features(), strict=True):
            given = account[column] if column in account else pd.Series(np.nan, account.index)
            if column == "founded_year":
                columns[feature.name] = np.maximum(view.rows["as_of"].dt.year - given.astype("float64"), 0)
            elif column == "parent_account_id":
                columns[feature.name] = given.notna().astype("float64")
            elif feature.kind == "number":
                columns[feature.name] = given.astype("float64")
            else:
                columns[feature.name] = given.astype("str")
        return pd.DataFrame(columns, index=view.rows.index)


def _feature(name: str, topic: str, kind: Literal["number", "category"], unit: str, meaning: str) -> Feature:
    phrase = {"employee_count": "size", "company_age_years": "value", "is_subsidiary": "flag"}.get(name, "value")
    return Feature(
        name=name,
        topic=topic,
        kind=kind,
        unit=unit,
        meaning=meaning,
        source="accounts",
        part="fit",
        phrase="category" if kind == "category" else phrase,
        args={"label": name.replace("_", " ").replace(" years", "")},
    )


_FEATURES: dict[str, Feature] = {
    "employee_count": _feature("employee_count", "company_size", "number", "employees", "Employees, last known."),
    "annual_revenue": _feature(
        "annual_revenue", "company_size", "number", "currency a year", "Revenue a year, last known."
    ),
    "founded_year": _feature(
        "company_age_years", "company_age", "number", "years", "Calendar years since the company was founded."
    ),
    "sector": _feature("sector", "sector", "category", "", "Sector, last known."),
    "country": _feature("country", "location", "category", "", "Country, last known."),
    "region": _feature("region", "location", "category", "", "Region, last known."),
    "parent_account_id": _feature(
        "is_subsidiary", "company_structure", "number", "0 or 1", "1 where a parent company is known."
    ),
}
