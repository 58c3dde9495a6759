"""From arrays of codes and seconds to canonical columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from abm_scoring.data.schema import DTYPES, TABLES

#: Second that stands for "never": it becomes a missing timestamp.
NEVER = np.iinfo(np.int64).min
DAY = 86_400


def text(codes: np.ndarray, words: Sequence[str] | np.ndarray) -> pd.Series:
    """Words by their index; index -1 is missing. Goes through Arrow because ten million strings must not be objects."""
    index = pa.array(codes, mask=codes < 0)
    return text_of(
        pa.DictionaryArray.from_arrays(index, pa.array(list(words), pa.large_string())).cast(pa.large_string())
    )


def text_of(values: pa.Array | np.ndarray | Sequence[str | None]) -> pd.Series:
    """A text column."""
    return pd.Series(pd.array(values, dtype="str"))


def ids(prefix: str, count: int, width: int = 7) -> np.ndarray:
    """`count` ids of one width: text order is numeric order."""
    return np.char.add(prefix, np.char.zfill(np.arange(1, count + 1).astype(str), width))


def moments(seconds: np.ndarray) -> pd.Series:
    """Seconds since 1970 as UTC timestamps; `NEVER` is missing."""
    return pd.Series(seconds.astype("datetime64[s]").astype("datetime64[us]")).dt.tz_localize("UTC")


def iso_text(times: pd.Series) -> pd.Series:
    """UTC timestamps of whole seconds as ISO 8601 text with the zone written out; missing stays missing."""
    written = np.char.add(np.datetime_as_string(times.dt.tz_localize(None).to_numpy("datetime64[s]")), "Z")
    return pd.Series(written, dtype="str").mask(times.isna().to_numpy())


def canonical(table: str, columns: dict[str, object]) -> pd.DataFrame:
    """A frame in the schema's column order and dtypes; every column of the schema must be given."""
    schema = TABLES[table]
    frame = pd.DataFrame(columns)[[c.name for c in schema.columns]]
    return frame.astype({c.name: DTYPES[c.type] for c in schema.columns if c.type != "timestamp"})


def pick(rng: np.random.Generator, shares: Sequence[float] | np.ndarray, size: int) -> np.ndarray:
    """`size` indices drawn with the given shares."""
    edges = np.cumsum(np.asarray(shares, dtype=float))
    return np.minimum(np.searchsorted(edges / edges[-1], rng.random(size), side="right"), len(edges) - 1)


def pick_by_row(rng: np.random.Generator, shares: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """One index for each entry of `rows`, drawn with the shares in that row of a rows × choices table."""
    edges = np.cumsum(shares, axis=1)
    edges = edges / edges[:, -1:]
    flat = (edges + np.arange(len(edges))[:, None]).ravel()
    found = np.searchsorted(flat, rng.random(len(rows)) + rows, side="right") - rows * edges.shape[1]
    return np.minimum(found, edges.shape[1] - 1)
