"""The shape of every choice a user can make: a small frozen value that refuses keys it does not know."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """Base of all specs.

    A spec holds parameters, a `kind` where the user chooses between several, and one verb. It is immutable, compares
    by value, and can be written to JSON and read back without loss, so that a bundle remembers each choice.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, ser_json_inf_nan="constants")
