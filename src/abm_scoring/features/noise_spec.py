"""What counts as implausible activity, and what is done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from abm_scoring.spec import Spec


class NoiseSpec(Spec):
    """The bot and noise gate.

    An event is judged by what the same actor (the contact, or whoever has no contact id at the account) did up to it,
    never by what came after; so a judgement does not change with `as_of`.
    """

    action: Literal["keep", "cap", "exclude"] = Field(
        "keep",
        description="keep = count and report flagged events; cap = leave them out; exclude = leave out everything that "
        "the actor does for `quarantine_days` after one as well",
    )
    max_per_minute: int = Field(30, ge=1, description="rate: more inbound events of an actor in a minute are flagged")
    max_per_day: int = Field(500, ge=1, description="rate: more inbound events of an actor in 24 hours are flagged")
    regular_gaps: int = Field(
        12, ge=3, description="regular: flagged from this many equal gaps in a row on (equal to within a second)"
    )
    max_contents_per_minute: int = Field(
        6, ge=1, description="all links: more different content items of an actor in a minute are flagged"
    )
    quarantine_days: int = Field(30, ge=1, description="how long `exclude` distrusts an actor")


@dataclass(frozen=True)
class NoiseReport:
    """What the gate found.

    Attributes:
        flagged: Rule → events that it flagged.
        left_out: Events that features do not see.
        accounts: Code of the accounts with most flagged events → how many, most first, at most ten.
    """

    flagged: Mapping[str, int]
    left_out: int
    accounts: Mapping[int, int]
