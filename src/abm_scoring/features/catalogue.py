"""What a feature is, apart from its values."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from abm_scoring.spec import Spec


class Feature(Spec):
    """One column of the feature frame: what it is called, means, and how words speak of it.

    Attributes:
        name: Column name, `[a-z0-9_]+`; unique over all families.
        topic: Code of the topic that reasons are summed over, e.g. `website_visits` or `company_size`.
        kind: `number` (float64, NaN = unknown) or `category` (str, missing = unknown).
        unit: Unit of the values, e.g. `events`, `days`, `employees`; empty for categories.
        meaning: One sentence for the reference docs.
        source: Canonical table that it comes from.
        part: `fit` for what the company is, `behaviour` for what it does.
        phrase: Code of the sentence template that puts a value into words.
        args: What the template needs beside the value, e.g. `{"event_type": "web_visit", "days": 30}`.
        sign: +1 where more can only speak for conversion, -1 against, 0 where unknown.
    """

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    topic: str
    kind: Literal["number", "category"] = "number"
    unit: str = ""
    meaning: str
    source: str
    part: Literal["fit", "behaviour"]
    phrase: str = "value"
    args: dict[str, str | int | float] = Field(default_factory=dict)
    sign: Literal[-1, 0, 1] = 0
