"""Import files for CRM systems: their column names, and only the rows that changed since the run before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import pandas as pd
from pandas.api import types
from pydantic import Field, field_validator

from abm_scoring.publish.csv_out import write_csv
from abm_scoring.publish.parquet_out import write_parquet
from abm_scoring.spec import Spec

#: Text for "nothing": these systems leave a field as it is where a cell is empty.
NOTHING = "–"

#: Columns of the list that a CRM gets unless the project says otherwise → what their fields are called here.
_FIELDS = {
    "score": "Score",
    "grade": "Grade",
    "tier": "Tier",
    "mqa_status": "MQA_Status",
    "mqa_since": "MQA_Since",
    "expected_value": "Expected_Value",
    "reason_1": "Reason_1",
    "reason_2": "Reason_2",
    "reason_3": "Reason_3",
    "roles_missing": "Roles_Missing",
}


class CrmFile(Spec):
    """What every import file has; the kinds differ in names and in how they write yes and no."""

    columns: dict[str, str]
    listed: str
    rows: Literal["changed", "all"] = Field("changed", description="rows that changed since the run before, or all")

    yes: ClassVar[str] = "true"
    no: ClassVar[str] = "false"

    @field_validator("columns")
    @classmethod
    def _keyed(cls, columns: dict[str, str]) -> dict[str, str]:
        if "account_id" not in columns:
            raise ValueError("account_id is missing; without it no row finds its record")
        if len(set(columns.values())) < len(columns):
            raise ValueError("two columns have the same field")
        return columns


class Salesforce(CrmFile):
    """Accounts for Salesforce's Data Loader or Bulk API: update by record id, custom fields `ABM_…__c`."""

    kind: Literal["salesforce"]
    columns: dict[str, str] = Field(
        {"account_id": "Id"} | {ours: f"ABM_{name}__c" for ours, name in _FIELDS.items()},
        description="column of the list → API name of the field",
    )
    listed: str = Field("ABM_Listed__c", description="checkbox: whether the account is on the list")


class HubSpot(CrmFile):
    """Companies for HubSpot's import: update by record id, properties `abm_…`."""

    kind: Literal["hubspot"]
    columns: dict[str, str] = Field(
        {"account_id": "Record ID"} | {ours: f"abm_{name.lower()}" for ours, name in _FIELDS.items()},
        description="column of the list → internal name of the property",
    )
    listed: str = Field("abm_listed", description="checkbox: whether the company is on the list")


class Dynamics(CrmFile):
    """Accounts for Dynamics 365 and Dataverse: matched by an alternate key, columns `abm_…`."""

    kind: Literal["dynamics"]
    columns: dict[str, str] = Field(
        {"account_id": "accountnumber"} | {ours: f"abm_{name.lower()}" for ours, name in _FIELDS.items()},
        description="column of the list → logical name of the column",
    )
    listed: str = Field("abm_listed", description="yes/no: whether the account is on the list")

    yes: ClassVar[str] = "Yes"
    no: ClassVar[str] = "No"


CrmSpec = Annotated[Salesforce | HubSpot | Dynamics, Field(discriminator="kind")]


def crm_state(ranked: pd.DataFrame, spec: CrmFile, decimals: Mapping[str, int]) -> pd.DataFrame:
    """What the CRM is meant to hold after this run, every account of the list.

    Args:
        ranked: n rows as published.
        spec: Names; columns that the run has not are left out.
        decimals: Digits that floats are rounded to, by column of the list; what is below them is no change.

    Returns:
        n rows in list order: the fields in the order of `spec.columns`, then `spec.listed`. Text without content is
        `NOTHING`, so that it replaces what stood there.
    """
    present = {ours: theirs for ours, theirs in spec.columns.items() if ours in ranked}
    state = {theirs: _settled(ranked[ours], decimals.get(ours)) for ours, theirs in present.items()}
    return pd.DataFrame(state).assign(**{spec.listed: spec.yes}).reset_index(drop=True)


def _settled(column: pd.Series, places: int | None) -> pd.Series:
    if types.is_float_dtype(column.dtype) and places is not None:
        return column.round(places)
    if types.is_numeric_dtype(column.dtype) or types.is_datetime64_any_dtype(column.dtype):
        return column
    text = column.astype("str")
    return text.where(column.notna() & (text != ""), NOTHING)


def crm_rows(state: pd.DataFrame, previous: pd.DataFrame | None, spec: CrmFile) -> pd.DataFrame:
    """The rows to import: what is new or different, in list order, then what has left the list.

    Args:
        state: From `crm_state`.
        previous: The same of the run before; None where there is none, and then all rows are new. Where its fields are
            not the same, all rows are different.
        spec: Names.

    Returns:
        Rows like `state`; those of accounts that left the list have `spec.listed` = no and nothing else, since an empty
        cell changes nothing in these systems.
    """
    key = spec.columns["account_id"]
    if previous is None:
        return state
    left = previous.loc[~previous[key].isin(state[key]), [key]].sort_values(key).assign(**{spec.listed: spec.no})
    changed = state if spec.rows == "all" else state[_different(state, previous, key)]
    if not len(left):
        return changed.reset_index(drop=True)
    gone = left.reindex(columns=state.columns).astype(state.dtypes.map(_nullable).to_dict())
    return pd.concat([changed.astype(gone.dtypes.to_dict()), gone], ignore_index=True)


def _nullable(dtype: object) -> object:
    return "Int64" if str(dtype).startswith("int") else dtype


def _different(state: pd.DataFrame, previous: pd.DataFrame, key: str) -> pd.Series:
    """Rows that are not in `previous` with the same values; null equals null."""
    if list(state.columns) != list(previous.columns):
        return pd.Series(True, index=state.index)
    before = previous.set_index(key).reindex(state[key])
    different = ~state[key].isin(previous[key])
    for column in state.columns.drop(key):
        then, now = before[column].set_axis(state.index), state[column]
        same = (then == now).fillna(False).astype(bool) | (then.isna() & now.isna())
        different |= ~same
    return different


def state_file(spec: CrmFile) -> str:
    """Name of the file in a run that holds `crm_state`."""
    return f"{spec.model_dump()['kind']}_state.parquet"


def read_crm_state(run: Path | None, spec: CrmFile) -> pd.DataFrame | None:
    """What the run before left in the CRM; None where there was none or it wrote no such file.

    Args:
        run: Folder of the predecessor.
        spec: Which CRM.
    """
    path = run / state_file(spec) if run else None
    return pd.read_parquet(path) if path and path.is_file() else None


def write_crm(
    ranked: pd.DataFrame | Iterable[pd.DataFrame],
    folder: Path,
    spec: CrmFile,
    *,
    previous: pd.DataFrame | None = None,
    decimals: Mapping[str, int] | None = None,
) -> None:
    """Write `<kind>.csv` (UTF-8 without byte order mark, comma, point, ISO dates) and what the next run compares with.

    Args:
        ranked: The list as published, or pieces of it in their order.
        folder: The run's folder; neither file may exist in it.
        spec: Which CRM.
        previous: From `read_crm_state`.
        decimals: As in `crm_state`.
    """
    pieces = (ranked,) if isinstance(ranked, pd.DataFrame) else ranked
    state = pd.concat([crm_state(piece, spec, decimals or {}) for piece in pieces], ignore_index=True)
    rows = crm_rows(state, previous, spec)
    days = [str(c) for c in rows if str(rows[c].dtype).startswith("datetime64")]
    write_csv(rows, folder / f"{spec.model_dump()['kind']}.csv", bom=False, dates=days)
    write_parquet(state, folder / state_file(spec))
