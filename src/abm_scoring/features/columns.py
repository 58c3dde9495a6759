"""Any extra column of the accounts that the config names."""

from __future__ import annotations

import re
from typing import Literal, Self

import pandas as pd
from pydantic import Field

from abm_scoring.errors import BadDataError, ConfigError
from abm_scoring.features.catalogue import Feature
from abm_scoring.features.context import Context
from abm_scoring.features.history import View
from abm_scoring.features.profile import ProfileSpec
from abm_scoring.features.seen import Seen
from abm_scoring.spec import Spec


class ColumnsSpec(Spec):
    """Extra account columns as features, last version known before `as_of`."""

    kind: Literal["columns"]
    numbers: tuple[str, ...] = Field((), description="account columns used as numbers")
    categories: tuple[str, ...] = Field((), description="account columns used as categories")
    part: Literal["fit", "behaviour"] = Field("fit", description="which partial score they count towards")

    def resolve(self, seen: Seen, profile: ProfileSpec | None) -> Self:
        """Checks that the accounts have every column that is named."""
        present = seen.columns("accounts")
        for column in (*self.numbers, *self.categories):
            if column not in present:
                raise ConfigError(
                    f"features: the accounts have no column {column!r}",
                    fix="name it in sources.accounts.extra_columns, or take it out of the features",
                )
        return self

    def features(self) -> tuple[Feature, ...]:
        """What the family gives, in the order of `build`'s columns."""
        numbers = [_feature(c, "number", self.part) for c in self.numbers]
        return (*numbers, *(_feature(c, "category", self.part) for c in self.categories))

    def build(self, view: View, context: Context) -> pd.DataFrame:
        """One row per row of the view."""
        account = view.account()
        columns = {f.name: account[c] for c, f in zip((*self.numbers, *self.categories), self.features(), strict=True)}
        for column in self.numbers:
            try:
                columns[_name(column)] = pd.to_numeric(account[column]).astype("float64")
            except (ValueError, TypeError) as error:
                raise BadDataError(
                    f"column {column!r} is named as a number but holds text: {error}",
                    where="accounts",
                    fix="list it under `categories`, or correct the data",
                ) from None
        for column in self.categories:
            columns[_name(column)] = account[column].astype("str")
        return pd.DataFrame(columns, index=view.rows.index)


def _name(column: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_")


def _feature(column: str, kind: Literal["number", "category"], part: Literal["fit", "behaviour"]) -> Feature:
    return Feature(
        name=_name(column),
        topic=_name(column),
        kind=kind,
        meaning=f"Column `{column}` of the accounts, last known.",
        source="accounts",
        part=part,
        phrase="category" if kind == "category" else "value",
        args={"label": column.replace("_", " ")},
    )
