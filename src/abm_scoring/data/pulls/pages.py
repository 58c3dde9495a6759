"""One page of records after another: what a CRM's client gives to the store, and how patiently it is asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from abm_scoring.errors import ConfigError, MissingInputError, ServiceError

#: Where to go on: the whole state of a pull between two pages, as JSON.
Cursor = dict[str, str | None]
Row = dict[str, str | None]
Sleep = Callable[[float], None]
T = TypeVar("T")

#: Longest wait between two attempts, in seconds, whatever the service asks for.
_LONGEST = 300.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
#: A pull begins this much before the last one ended: services show a change with some delay.
OVERLAP = timedelta(minutes=10)


@dataclass(frozen=True)
class Page:
    """Records, all values text, and the cursor of the next page; None where this was the last."""

    rows: list[Row]
    next: Cursor | None


class Client(Protocol):
    """A CRM as a pull sees it."""

    id_column: str
    modified_column: str

    def first(self, since: str | None, begun: datetime) -> Cursor:
        """The cursor of the first page: of everything, or of what changed since."""

    def page(self, cursor: Cursor) -> Page:
        """The page at a cursor.

        Raises:
            TryAgainError: It may work later.
            AbmError: It will not.
        """


class TryAgainError(Exception):
    """A request failed for now: throttled, timed out, or the service is down.

    Attributes:
        after: Seconds that the service asks to wait; None where it says nothing.
        reason: In words, without secrets.
    """

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.after = reason, after


def patiently(call: Callable[[], T], attempts: int, sleep: Sleep, where: str) -> T:
    """Call until it works: after what the service asks for, else after 1, 2, 4, … seconds.

    Raises:
        ServiceError: It failed `attempts` times.
    """
    for attempt in range(attempts):
        try:
            return call()
        except TryAgainError as error:
            if attempt + 1 == attempts:
                what = f"gave up after {attempts} attempts: {error.reason}"
                fix = "run the same command later: what was fetched is kept"
                raise ServiceError(what, where=where, fix=fix) from None
            sleep(min(error.after if error.after is not None else 2.0**attempt, _LONGEST))
    raise AssertionError("attempts is at least 1")


def retry_after(headers: Mapping[str, str] | None) -> float | None:
    """Seconds of a `Retry-After` header, which holds a number, or a date to be read by the service's own `Date`."""
    told = {k.lower(): v for k, v in (headers or {}).items()}
    asked = told.get("retry-after", "").strip()
    try:
        return max(float(asked), 0.0)
    except ValueError:
        pass
    try:
        return max((parsedate_to_datetime(asked) - parsedate_to_datetime(told["date"])).total_seconds(), 0.0)
    except (ValueError, TypeError, KeyError):
        return None


def secret(variable: str, where: str) -> str:
    """The value of an environment variable.

    Raises:
        MissingInputError: It is not set.
    """
    value = os.environ.get(variable, "")
    if not value:
        raise MissingInputError(f"${variable} is not set", where=where, fix=f"export {variable}=…")
    return value


def safe_address(url: str, where: str) -> str:
    """An https address; plain http only to this machine, since a token goes with every request.

    Raises:
        ConfigError: It is neither.
    """
    parts = urlsplit(url)
    if parts.netloc and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)):
        return url
    raise ConfigError("its address is no https address", where=where, fix="write it like https://my.my.salesforce.com")


def text(value: object) -> str | None:
    """A JSON value as text; nested ones are refused by the caller."""
    if value is None or isinstance(value, str):
        return value or None
    return str(value).lower() if isinstance(value, bool) else repr(value)


def earlier(moment: str) -> str:
    """A moment less the overlap, ISO 8601 in UTC with milliseconds."""
    return iso(datetime.fromisoformat(moment.replace("Z", "+00:00")) - OVERLAP)


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and a Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
