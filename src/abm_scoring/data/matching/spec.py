"""What a user can choose about matching, and how sure each way of matching is."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from abm_scoring.spec import Spec

Way = Literal["contact", "email", "domain", "name", "ip"]

#: How sure a match is, 0 to 1, by how it was found. An order of trust, no probability.
CONFIDENCE: dict[str, float] = {
    "id": 1.0,
    "mapping": 1.0,
    "contact": 0.99,
    "email": 0.98,
    "domain": 0.97,
    "name": 0.95,
    "similar_name": 0.90,
    "ip": 0.70,
}


class MatchingSpec(Spec):
    """How rows without an account_id find their account. Without e-mail, domain, name or IP columns nothing happens."""

    by: tuple[Way, ...] = Field(
        ("contact", "email", "domain", "name", "ip"), description="ways that are tried, in order"
    )
    mapping: str | None = Field(
        None, description="CSV with `what` (account, domain or name), `from`, `account_id`: merges and fixed matches"
    )
    ip_ranges: str | None = Field(None, description="CSV with `network` (e.g. 192.0.2.0/24) and `account_id`")
    name_similarity: float = Field(
        92, ge=50, le=100, description="similarity of normalised names (0 to 100) from which a match is made"
    )
    name_margin: float = Field(
        4, ge=0, le=50, description="points by which the most similar name must lead the next; else it is only proposed"
    )
    shared_domains: tuple[str, ...] = Field(
        (), description="more domains that say nothing about a company, beside the known mail and web providers"
    )
