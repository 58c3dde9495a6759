"""Which files a run has for people and other systems, and writing them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from abm_scoring.publish.crm_out import CrmSpec
from abm_scoring.spec import Spec

if TYPE_CHECKING:
    import pandas as pd

    from abm_scoring.publish.page import PageContent
    from abm_scoring.publish.words import Words

Format = Literal["csv", "xlsx", "parquet", "page"]
#: Name of the ranked list in each format.
LISTS: dict[Format, str] = {
    "csv": "target_accounts.csv",
    "xlsx": "target_accounts.xlsx",
    "parquet": "target_accounts.parquet",
    "page": "target_accounts.html",
}
LEFT_OUT, REJECTS = "not_scored.csv", "rejects.csv"
#: Formats that hold the whole list.
_HELD = frozenset({"xlsx", "page"})


class OutputsSpec(Spec):
    """Where results go and how files for people look."""

    folder: str = Field(".", description="folder for models/, runs/ and tracking, inside the project folder")
    formats: tuple[Format, ...] = Field(
        ("csv", "xlsx", "page"), min_length=1, description="files of the ranked list; the first one is the main one"
    )
    csv_delimiter: Literal[",", ";", "\t"] = Field(",", description="delimiter of published CSV files")
    csv_decimal: Literal[".", ","] = Field(".", description="decimal sign of published CSV files")
    crm: tuple[CrmSpec, ...] = Field((), description="import files for CRM systems")

    @field_validator("formats")
    @classmethod
    def _once(cls, formats: tuple[Format, ...]) -> tuple[Format, ...]:
        if len(set(formats)) < len(formats):
            raise ValueError("a format is named twice")
        return formats

    @field_validator("crm")
    @classmethod
    def _one_of_each(cls, crm: tuple[CrmSpec, ...]) -> tuple[CrmSpec, ...]:
        if len({one.kind for one in crm}) < len(crm):
            raise ValueError("a CRM is named twice")
        return crm

    @property
    def main_file(self) -> str:
        """Name of the ranked list's main file."""
        return LISTS[self.formats[0]]


@dataclass(frozen=True)
class Renderings:
    """What `write_outputs` makes files of.

    Attributes:
        ranked: The ranked list as published, in pieces, which may be asked for more than once.
        not_scored: The second list.
        page: The page of the whole list; needed where `formats` has `page`.
        words: The language.
        rejects: Refused input rows with their reason; None or no rows: no file.
        timezone: Clock by which a moment in a file for people is a day.
        decimals: Digits after the decimal sign by column of floats.
        crm_before: Kind of CRM → `read_crm_state` of the predecessor.
    """

    ranked: Callable[[], Iterable[pd.DataFrame]]
    not_scored: pd.DataFrame
    words: Words
    page: Callable[[pd.DataFrame], PageContent] | None = None
    rejects: pd.DataFrame | None = None
    timezone: str = "UTC"
    decimals: Mapping[str, int] = field(default_factory=dict)
    crm_before: Mapping[str, pd.DataFrame | None] = field(default_factory=dict)


def write_outputs(folder: Path, spec: OutputsSpec, what: Renderings) -> Sequence[str]:
    """Write every file for readers that a run is asked for, `not_scored.csv`, and `rejects.csv` where there are any.

    Args:
        folder: The run's folder, still private; none of the files may exist in it.
        spec: Which files.
        what: Their content.

    Returns:
        Names of the lists that were written.

    Raises:
        OutputError: A list is longer than a sheet of Excel (73).
    """
    import pandas as pd

    from abm_scoring.publish.crm_out import write_crm
    from abm_scoring.publish.csv_out import write_list_csv
    from abm_scoring.publish.lists import local_days
    from abm_scoring.publish.page import write_page
    from abm_scoring.publish.parquet_out import write_parquet
    from abm_scoring.publish.xlsx_out import write_xlsx

    # Workbooks and pages hold the whole list; without one of them it is never held.
    whole = pd.concat(what.ranked(), ignore_index=True) if _HELD & set(spec.formats) else None

    def pieces() -> Iterable[pd.DataFrame]:
        return what.ranked() if whole is None else (whole,)

    def shown() -> Iterable[pd.DataFrame]:
        return (local_days(piece, what.timezone) for piece in pieces())

    not_scored = local_days(what.not_scored, what.timezone)
    as_csv = partial(write_list_csv, delimiter=spec.csv_delimiter, decimal=spec.csv_decimal, decimals=what.decimals)
    for one in spec.formats:
        path = folder / LISTS[one]
        if one == "csv":
            as_csv(shown(), path)
        elif one == "xlsx":
            write_xlsx(next(iter(shown())), path, what.words, not_scored=not_scored, decimals=what.decimals)
        elif one == "parquet":
            write_parquet(pieces(), path)
        elif what.page is not None and whole is not None:
            write_page(what.page(whole), path)
    as_csv(not_scored, folder / LEFT_OUT)
    if what.rejects is not None and len(what.rejects):
        as_csv(local_days(what.rejects, what.timezone), folder / REJECTS)
    for crm in spec.crm:
        write_crm(shown(), folder, crm, previous=what.crm_before.get(crm.kind), decimals=what.decimals)
    return [LISTS[one] for one in spec.formats]
