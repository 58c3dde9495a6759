"""The ideal customer profile (ICP): which companies the business wants."""

from __future__ import annotations

from pydantic import Field, field_validator

from abm_scoring.spec import Spec


class SizeRange(Spec):
    """A range of employee counts, both ends included."""

    low: float = Field(gt=0, description="fewest employees that fit")
    high: float = Field(gt=0, description="most employees that fit")


class ProfileSpec(Spec):
    """The ideal customer profile, one entry a dimension; a dimension left empty is not judged.

    A single employee count stands for the range from half to double of it.
    """

    sectors: tuple[str, ...] = Field((), description="sectors that fit")
    employee_count: SizeRange | None = Field(None, description="a number, or {low, high}")
    countries: tuple[str, ...] = Field((), description="countries that fit; any site of the account's family counts")
    regions: tuple[str, ...] = Field((), description="regions that fit, likewise")
    values: tuple[str, ...] = Field((), description="corporate values that the company should share")
    weights: dict[str, float] = Field(
        default_factory=dict,
        description="weight of a dimension (size, sector, region, values, similar_customers) in the total; default 1",
    )

    @field_validator("employee_count", mode="before")
    @classmethod
    def _range_from_number(cls, given: object) -> object:
        if isinstance(given, int | float) and not isinstance(given, bool):
            return {"low": given / 2, "high": given * 2}
        return given

    @field_validator("weights")
    @classmethod
    def _known_dimensions(cls, weights: dict[str, float]) -> dict[str, float]:
        known = {"size", "sector", "region", "values", "similar_customers"}
        for name, weight in weights.items():
            if name not in known:
                raise ValueError(f"unknown dimension {name!r}; one of {', '.join(sorted(known))}")
            if weight < 0:
                raise ValueError(f"the weight of {name!r} is negative")
        return weights
