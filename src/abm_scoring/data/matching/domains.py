"""E-mail addresses and web addresses → the domain that a company registered."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from typing import Any

import pandas as pd

from abm_scoring.data.matching.providers import FREE_MAIL, PROVIDERS
from abm_scoring.errors import ConfigError

_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")


def email_domains(emails: pd.Series, shared: Collection[str] = ()) -> pd.Series:
    """Registrable domain of each address; null where there is none or it belongs to a provider.

    Args:
        emails: n addresses, `str`.
        shared: More domains that say nothing about a company.
    """
    address = emails.str.strip().str.lower().str.extract(r"^[^@\s]+@([^@\s>]+)>?$", expand=False)
    return registrable(address, shared)


def registrable(addresses: pd.Series, shared: Collection[str] = ()) -> pd.Series:
    """Registrable domain of web addresses or host names: `https://shop.acme.co.uk/x` → `acme.co.uk`.

    The public suffix list that the library carries decides what can be registered; nothing is downloaded. Domains of
    mail, access and site providers give null.
    """
    codes, distinct = pd.factorize(addresses.astype("str"))
    found = pd.Series([registrable_domain(str(a)) for a in distinct], dtype="str")
    blocked = FREE_MAIL | PROVIDERS | {s.lower() for s in shared}
    found = found.mask(found.isin(list(blocked)))
    return pd.Series(found.reindex(codes).array, index=addresses.index, dtype="str")


def host_of(address: str) -> str | None:
    """The host of a web address, lower case, without `www.`; international names in their ASCII form."""
    text = address.strip().lower()
    text = re.sub(r"^[a-z][a-z0-9+.-]*://", "", text).split("/", 1)[0].split("?", 1)[0].rpartition("@")[2]
    text = text.partition(":")[0].strip(".").removeprefix("www.")
    if not text.isascii():
        try:
            text = text.encode("idna").decode()
        except UnicodeError:
            return None
    return text if _HOST.fullmatch(text) else None


def registrable_domain(address: str) -> str | None:
    """The registrable domain of one address; None where it has none, e.g. an IP address."""
    host = host_of(address)
    if host is None or host.replace(".", "").isdigit():
        return None
    parts = _extractor()(host)
    if parts.domain and parts.suffix:
        return f"{parts.domain}.{parts.suffix}"
    return None if parts.suffix else ".".join(host.split(".")[-2:])


@cache
def _extractor() -> Any:
    try:
        import tldextract
    except ImportError as error:
        raise ConfigError(
            "tldextract is not installed", where="matching", fix="pip install 'abm-scoring[match]'"
        ) from error
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
