"""Which credit rules are shown side by side, and how sure of each the numbers are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from abm_scoring.spec import Spec

if TYPE_CHECKING:
    import numpy as np

    from abm_scoring.roi.attribution.paths import Paths


class FirstTouch(Spec):
    """All credit to the touch that began the path."""

    kind: Literal["first"] = "first"

    def weights(self, paths: Paths) -> np.ndarray:
        """Share of its path's credit that each touch gets, float64 [touches]; the shares of a path sum to 1."""
        from abm_scoring.roi.attribution.touches import by_place

        return by_place(paths, 1, 0, 0)


class LastTouch(Spec):
    """All credit to the last touch before the path ended."""

    kind: Literal["last"] = "last"

    def weights(self, paths: Paths) -> np.ndarray:
        """Share of its path's credit that each touch gets, float64 [touches]."""
        from abm_scoring.roi.attribution.touches import by_place

        return by_place(paths, 0, 0, 1)


class Linear(Spec):
    """The same credit to every touch."""

    kind: Literal["linear"] = "linear"

    def weights(self, paths: Paths) -> np.ndarray:
        """Share of its path's credit that each touch gets, float64 [touches]."""
        from abm_scoring.roi.attribution.touches import by_place

        return by_place(paths, 0, 0, 0)


class UShaped(Spec):
    """Most credit to the first and the last touch; what is left is shared by those between them."""

    kind: Literal["u_shaped"] = "u_shaped"
    first: float = Field(0.4, ge=0, le=1, description="share of the first touch")
    last: float = Field(0.4, ge=0, le=1, description="share of the last touch")

    @model_validator(mode="after")
    def _at_most_all(self) -> UShaped:
        if not 0 < self.first + self.last <= 1 + 1e-12:
            raise ValueError("first + last must be above 0 and at most 1")
        return self

    def weights(self, paths: Paths) -> np.ndarray:
        """Share of its path's credit that each touch gets, float64 [touches]."""
        from abm_scoring.roi.attribution.touches import by_place

        return by_place(paths, self.first, 0, self.last)


class WShaped(Spec):
    """U with a third peak: the last touch before the opportunity was opened, or the middle where that is unknown."""

    kind: Literal["w_shaped"] = "w_shaped"
    first: float = Field(0.3, ge=0, le=1, description="share of the first touch")
    milestone: float = Field(0.3, ge=0, le=1, description="share of the last touch before the opportunity was opened")
    last: float = Field(0.3, ge=0, le=1, description="share of the last touch")

    @model_validator(mode="after")
    def _at_most_all(self) -> WShaped:
        if not 0 < self.first + self.milestone + self.last <= 1 + 1e-12:
            raise ValueError("first + milestone + last must be above 0 and at most 1")
        return self

    def weights(self, paths: Paths) -> np.ndarray:
        """Share of its path's credit that each touch gets, float64 [touches]."""
        from abm_scoring.roi.attribution.touches import by_place

        return by_place(paths, self.first, self.milestone, self.last)


class TimeDecay(Spec):
    """A touch counts half as much for each half-life that lies between it and the end of its path."""

    kind: Literal["time_decay"] = "time_decay"
    half_life_days: float = Field(7, gt=0, description="days in which a touch's weight halves")

    def weights(self, paths: Paths) -> np.ndarray:
        """Share of its path's credit that each touch gets, float64 [touches]."""
        from abm_scoring.roi.attribution.touches import by_age

        return by_age(paths, self.half_life_days)


class Shapley(Spec):
    """Shapley value of a game: a set of units is worth the conversions whose path uses no unit outside the set.

    With v(S) = Σ over sets T ⊆ S of c(T), where c(T) are the conversions whose path uses exactly the units T, the
    dividends of the game are c(T), so the value is φ(u) = Σ over T that contain u of c(T) ÷ |T|: exact for any number
    of units. It looks neither at order nor at repeats (Shapley 1953; Harsanyi 1963 for the dividends).
    """

    kind: Literal["shapley"] = "shapley"

    def weights(self, paths: Paths) -> np.ndarray:
        """Share of its path's credit that each touch gets, float64 [touches]; repeats of a unit get 0."""
        from abm_scoring.roi.attribution.touches import by_unit

        return by_unit(paths)


class Markov(Spec):
    """Removal effect in a Markov chain of touches: the share of conversions that is lost when a unit leads nowhere.

    States are the last `order` touches; unconverted paths end in nothing. The chain is solved exactly. Source: Anderl
    et al., *Mapping the customer journey* (2016).
    """

    kind: Literal["markov"] = "markov"
    order: int = Field(1, ge=1, le=3, description="touches that the chain remembers")


TouchRule = FirstTouch | LastTouch | Linear | UShaped | WShaped | TimeDecay | Shapley
Rule = Annotated[TouchRule | Markov, Field(discriminator="kind")]


class AttributionSpec(Spec):
    """Credit rules to show side by side, and the bootstrap of their intervals."""

    rules: tuple[Rule, ...] = Field(
        (FirstTouch(), LastTouch(), Linear(), UShaped(), WShaped(), TimeDecay(), Markov(), Shapley()),
        min_length=1,
        description="credit rules, shown side by side",
    )
    draws: int = Field(500, ge=0, description="resamplings of account families for the intervals; 0: no intervals")
    level: float = Field(0.95, gt=0, lt=1, description="probability that an interval covers")
    seed: int = Field(0, ge=0, description="seed of the resampling")

    @model_validator(mode="after")
    def _told_apart(self) -> AttributionSpec:
        names = [rule_name(rule) for rule in self.rules]
        if len(set(names)) < len(names):
            raise ValueError("a rule stands there twice")
        return self


def rule_name(rule: TouchRule | Markov) -> str:
    """How a rule is called in tables: its kind, with the order for Markov chains above 1 (`markov_2`)."""
    return f"markov_{rule.order}" if isinstance(rule, Markov) and rule.order > 1 else rule.kind
