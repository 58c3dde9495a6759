"""IP addresses → accounts by a table of address ranges."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pandas as pd

from abm_scoring.data.csv_files import read_csv
from abm_scoring.data.dialect import Dialect
from abm_scoring.data.files import resolve
from abm_scoring.errors import BadDataError

_LIMIT = 1 << 30


def accounts_of_addresses(addresses: pd.Series, path: str, root: Path) -> pd.Series:
    """The account of each address: that of the narrowest range that holds it; null where none does.

    Args:
        addresses: n IPv4 or IPv6 addresses as text; what is none gives null.
        path: CSV with `network` (an address or a range such as 192.0.2.0/24) and `account_id`.
        root: Folder that relative paths start from.

    Raises:
        BadDataError: A column is missing, a range is none, or two accounts claim the same one.
    """
    by_length = _ranges(path, root)
    codes, distinct = pd.factorize(addresses.astype("str"))
    found = pd.Series([_lookup(str(a), by_length) for a in distinct], dtype="str")
    return pd.Series(found.reindex(codes).array, index=addresses.index, dtype="str")


def _ranges(path: str, root: Path) -> dict[tuple[int, int], dict[int, str]]:
    """(version, length) → first address → account, the longest prefixes first."""
    file = resolve(path, root)[0]
    header, table = read_csv(file, Dialect(), _LIMIT, lambda names: names)
    if not {"network", "account_id"} <= set(header):
        raise BadDataError("lacks one of the columns network, account_id", where=file.name, fix="add it")
    ranges: dict[tuple[int, int], dict[int, str]] = {}
    rows = zip(table["network"].to_pylist(), table["account_id"].to_pylist(), strict=True)
    for line, (text, account) in enumerate(rows, start=2):
        try:
            network = ipaddress.ip_network(text.strip(), strict=False)
        except ValueError:
            raise BadDataError(
                "is no range of addresses", where=f"{file.name}:{line}", fix="like 192.0.2.0/24"
            ) from None
        same = ranges.setdefault((network.version, network.prefixlen), {})
        if same.setdefault(int(network.network_address), account) != account:
            raise BadDataError("two accounts claim one range", where=f"{file.name}:{line}", fix="keep one")
    return dict(sorted(ranges.items(), key=lambda item: -item[0][1]))


def _lookup(address: str, ranges: dict[tuple[int, int], dict[int, str]]) -> str | None:
    try:
        ip = ipaddress.ip_address(address.strip())
    except ValueError:
        return None
    for (version, length), accounts in ranges.items():
        if version == ip.version:
            shift = ip.max_prefixlen - length
            account = accounts.get(int(ip) >> shift << shift)
            if account is not None:
                return account
    return None
