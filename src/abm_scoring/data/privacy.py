"""What happens to people's data at the door: contact ids become hashes, and whoever objected can be forgotten."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import Literal

import pandas as pd
from pydantic import Field

from abm_scoring.errors import BadDataError, MissingInputError
from abm_scoring.spec import Spec

_DIGITS = 20


class PrivacySpec(Spec):
    """How contacts are kept apart from people."""

    salt_env: str | None = Field(
        None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="environment variable with a secret of 16 characters or more; contact ids become hashes with it",
    )
    objections: Literal["from_then", "forget"] = Field(
        "from_then",
        description="from_then: not used once they objected; forget: their rows and ids are dropped at once",
    )


def private(frames: Mapping[str, pd.DataFrame], spec: PrivacySpec) -> dict[str, pd.DataFrame]:
    """The tables as they may be kept.

    Args:
        frames: Tables after matching, with `contact_id` in contacts and events.
        spec: What is asked for.

    Returns:
        The same tables: contact ids hashed (HMAC-SHA-256, 80 bits) where there is a salt; under `forget`, no row of a
        contact that objected in any version, and no contact_id of theirs on events, which stay with their account.

    Raises:
        MissingInputError: The salt is not set or too short.
        BadDataError: Contact ids are e-mail addresses and nothing hashes them.
    """
    done = _forgotten(dict(frames)) if spec.objections == "forget" else dict(frames)
    holders = [name for name, frame in done.items() if "contact_id" in frame]
    if spec.salt_env is None:
        for name in holders:
            if done[name]["contact_id"].str.contains("@", regex=False).any():
                fix = "set privacy.salt_env: NAME_OF_A_VARIABLE that holds a secret, and they become hashes"
                raise BadDataError("contact ids are e-mail addresses", where=name, fix=fix)
        return done
    salt = _salt(spec.salt_env)
    return {n: f.assign(contact_id=hashed(f["contact_id"], salt)) if n in holders else f for n, f in done.items()}


def hashed(ids: pd.Series, salt: bytes) -> pd.Series:
    """Each id as 20 hexadecimal digits of its HMAC-SHA-256; null stays null."""
    codes, distinct = pd.factorize(ids)
    digests = [hmac.new(salt, str(i).encode(), hashlib.sha256).hexdigest()[:_DIGITS] for i in distinct]
    return pd.Series(pd.Series(digests, dtype="str").reindex(codes).array, index=ids.index, dtype="str")


def _salt(name: str) -> bytes:
    salt = os.environ.get(name, "")
    if len(salt) < 16:
        what = f"the environment variable {name} " + ("is too short" if salt else "is not set")
        raise MissingInputError(what, where="privacy.salt_env", fix="set it to a secret of 16 characters or more")
    return salt.encode()


def _forgotten(frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    contacts = frames.get("contacts")
    if contacts is None or "objected_at" not in contacts:
        return frames
    gone = contacts.loc[contacts["objected_at"].notna(), "contact_id"].unique()
    frames["contacts"] = contacts[~contacts["contact_id"].isin(gone)].reset_index(drop=True)
    events = frames.get("events")
    if events is not None and "contact_id" in events:
        frames["events"] = events.assign(contact_id=events["contact_id"].mask(events["contact_id"].isin(gone)))
    return frames
