"""Paths as flat arrays: every touch of every path in one column of codes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from abm_scoring.errors import BadDataError

#: Paths that are looked at together: enough to be quick, few enough that what is made of them stays small.
_TOGETHER = 1 << 15


@dataclass(frozen=True)
class Paths:
    """Paths of touches, with what they led to.

    A row may stand for many alike paths: `wins` and `nulls` are then counts. A path may be empty: a win that no known
    touch came before.

    Attributes:
        units: Names of what gets credit (channels, campaigns, …).
        codes: int32 [touches], positions in `units`, path after path, oldest touch first.
        offsets: int64 [paths + 1].
        wins: float64 [paths], conversions.
        money: float64 [paths], what the conversions brought; may be negative, is 0 without a win.
        nulls: float64 [paths], the same path without a conversion.
        days: float32 or float64 [touches], days between the touch and its path's end; None where times are unknown.
        milestone: int64 [paths], place in the path of the last touch before the opportunity was opened; -1 = unknown.
        family: int64 [paths], code of the account family; None where rows belong to no one account.
    """

    units: tuple[str, ...]
    codes: np.ndarray
    offsets: np.ndarray
    wins: np.ndarray
    money: np.ndarray
    nulls: np.ndarray
    days: np.ndarray | None = None
    milestone: np.ndarray | None = None
    family: np.ndarray | None = None

    def __post_init__(self) -> None:
        if len(self) != len(self.wins) or len(self.codes) != self.offsets[-1]:
            raise ValueError("codes, offsets and wins do not belong together")
        for name in ("wins", "money", "nulls"):
            if not np.isfinite(getattr(self, name)).all():
                raise BadDataError("is not finite in every path", where=f"paths, {name}")
        if (self.wins < 0).any() or (self.nulls < 0).any():
            raise BadDataError("counts below 0", where="paths", fix="wins and nulls are counts")
        if ((self.wins == 0) & (self.money != 0)).any():
            raise BadDataError("money without a win", where="paths", fix="money belongs to paths that converted")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """int64 [paths], touches of each."""
        return np.diff(self.offsets)

    @property
    def untouched(self) -> tuple[float, float]:
        """Wins and money of paths without any touch: no rule can give them to anyone."""
        empty = self.offsets[1:] == self.offsets[:-1]
        return float(self.wins[empty].sum()), float(self.money[empty].sum())

    def parts(self) -> Iterator[Paths]:
        """The same paths in order, some at a time: views, so that hardly any memory is taken."""
        for begin in range(0, len(self), _TOGETHER):
            end = min(begin + _TOGETHER, len(self))
            touches = slice(self.offsets[begin], self.offsets[end])
            yield replace(
                self,
                codes=self.codes[touches],
                offsets=self.offsets[begin : end + 1] - self.offsets[begin],
                wins=self.wins[begin:end],
                money=self.money[begin:end],
                nulls=self.nulls[begin:end],
                days=None if self.days is None else self.days[touches],
                milestone=None if self.milestone is None else self.milestone[begin:end],
                family=None if self.family is None else self.family[begin:end],
            )

    def converted(self) -> Paths:
        """The paths with a win alone: all that a rule needs which divides each path's credit by itself."""
        kept = self.wins != 0
        if kept.all():
            return self
        touches, lengths = np.repeat(kept, self.lengths), self.lengths[kept]
        return replace(
            self,
            codes=self.codes[touches],
            offsets=np.concatenate([[0], np.cumsum(lengths)]).astype("int64"),
            wins=self.wins[kept],
            money=self.money[kept],
            nulls=self.nulls[kept],
            days=None if self.days is None else self.days[touches],
            milestone=None if self.milestone is None else self.milestone[kept],
            family=None if self.family is None else self.family[kept],
        )


def parse(
    texts: Sequence[str], wins: np.ndarray, money: np.ndarray, nulls: np.ndarray, separator: str = " > "
) -> Paths:
    """Paths written as text, e.g. `email > event > email`; an empty text is a path without touches.

    Args:
        texts: One path a row.
        wins: n conversions.
        money: n amounts.
        nulls: n times that the path ended without conversion.
        separator: What stands between two touches.
    """
    import pandas as pd

    split = [text.split(separator) if text else [] for text in texts]
    names = np.array([name.strip() for path in split for name in path], dtype=object)
    codes, units = pd.factorize(names, sort=True)
    offsets = np.concatenate([[0], np.cumsum([len(path) for path in split])]).astype("int64")
    numbers = (np.asarray(a, "float64") for a in (wins, money, nulls))
    return Paths(tuple(map(str, units)), codes.astype("int32"), offsets, *numbers)
