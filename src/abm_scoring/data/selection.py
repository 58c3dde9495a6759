"""Which of a source's columns are taken, and under which of our names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from abm_scoring.data.schema import TableSchema
from abm_scoring.errors import ConfigError
from abm_scoring.spec_problems import near

#: Their name of one of our columns: one name; several, of which the first that is there counts, and None at the end
#: where it may be missing; None = not taken.
Names = str | tuple[str | None, ...] | None

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Selection:
    """What to read.

    Attributes:
        taken: Our name → the source's, in the schema's order, extra columns last.
        missing: Our name → the source's name that was looked for and is not there.
    """

    taken: dict[str, str]
    missing: dict[str, str]


def select(
    offered: Sequence[str],
    schema: TableSchema,
    columns: Mapping[str, Names],
    extra_columns: Sequence[str],
) -> Selection:
    """Match a source's columns with a canonical table.

    A canonical column is the one that `columns` maps, else the one of the same name. Extra columns are those that
    `extra_columns` names, by our name, by the source's, or by the source's in snake case. Others are not read.

    Args:
        offered: The source's column names.
        schema: The canonical table.
        columns: Our name → the source's (see `Names`); None = do not take a column of the same name.
        extra_columns: Extra columns.

    Raises:
        ConfigError: `columns` maps an unknown name, or an extra column cannot have its name.
    """
    extras = [extra_name(e, columns) for e in extra_columns]
    _check_names(schema, columns, extras)
    taken: dict[str, str] = {}
    missing: dict[str, str] = {}
    keys = [c for c in schema.match_keys if c.name in columns]
    for column in (*schema.columns, *keys):
        theirs, optional = first_offered(columns.get(column.name, column.name), offered)
        if theirs in offered:
            taken[column.name] = str(theirs)
        elif column.required or (columns.get(column.name) and not optional):
            missing[column.name] = theirs or column.name
    snake = {snake_case(o): o for o in reversed(offered)}
    for wish, ours in zip(extra_columns, extras, strict=True):
        mapped, optional = first_offered(columns.get(wish), offered)
        name = mapped or (wish if wish in offered else snake.get(ours, wish))
        if name in offered or not optional:
            (taken if name in offered else missing)[ours] = name
    return Selection(taken, missing)


def first_offered(names: Names, offered: Sequence[str]) -> tuple[str | None, bool]:
    """The first name that is offered, else the first of all; and whether the column may be missing."""
    if names is None or isinstance(names, str):
        return names, False
    given = [name for name in names if name is not None]
    return next((n for n in given if n in offered), given[0] if given else None), None in names


def extra_name(wish: str, columns: Mapping[str, Names]) -> str:
    """Our name of an extra column: as mapped, else the source's name in snake case."""
    return wish if wish in columns else snake_case(wish)


def _check_names(schema: TableSchema, columns: Mapping[str, Names], extras: Sequence[str]) -> None:
    for name in columns:
        if name not in schema.by_name and name not in extras:
            fix = f"{near(name, schema.by_name)} A column of your own must stand under extra_columns too".strip()
            raise ConfigError(f"{name!r} is no column of {schema.name}", where="columns", fix=fix)
    if extras and not schema.open:
        raise ConfigError(f"{schema.name} takes no extra columns", where="extra_columns", fix="leave them out")
    for name in extras:
        if not _NAME.fullmatch(name):
            what = f"{name!r} cannot name a column"
            raise ConfigError(what, where="extra_columns", fix="map it to a name of a-z, 0-9 and _ under columns")
        if name in schema.by_name or extras.count(name) > 1:
            raise ConfigError(f"{name!r} is taken", where="extra_columns", fix="map it to another name under columns")


def snake_case(name: str) -> str:
    """A column name in lower-case ASCII with underscores: `BusinessType` → business_type, `Größe (m²)` → grosse_m2."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain)
    return re.sub(r"[^0-9a-zA-Z]+", "_", words).strip("_").lower()
