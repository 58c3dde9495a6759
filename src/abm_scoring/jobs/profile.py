"""Profile: which kinds of company convert, the ideal customer profile that follows, and who else is alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import yaml

from abm_scoring.data.families import families
from abm_scoring.engines.training import prepare_training
from abm_scoring.features.history import History
from abm_scoring.features.moments import NEVER
from abm_scoring.jobs.workspace import Workspace, load
from abm_scoring.learning.icp import Learned, learn_profile, look_alikes

#: With fewer conversions than this, companies that are customers are learned from instead.
FEWEST = 10
_KEPT = ("account_id", "account_name", "sector", "employee_count", "region", "country", "values")


@dataclass(frozen=True)
class Profiled:
    """What converts, and who is alike.

    Attributes:
        source: What was learned from: `conversions` of matured snapshots, or `customers` against all others.
        companies, conversions: How many; each family counts once.
        look_alikes: `account_id`, `account_name`, `likeness`, `because`.
    """

    source: Literal["conversions", "customers"]
    companies: int
    conversions: int
    learned: Learned
    look_alikes: pd.DataFrame
    warnings: tuple[str, ...]

    @property
    def block(self) -> str:
        """The `profile:` section to paste into the configuration; empty where no group stands out."""
        if self.learned.proposed is None:
            return ""
        kept = {name: value for name, value in self.learned.proposed.model_dump(mode="json").items() if value}
        return str(yaml.safe_dump({"profile": kept}, sort_keys=False, allow_unicode=True))

    def as_json(self) -> dict[str, Any]:
        """The object that `profile --json` prints."""
        proposed = self.learned.proposed
        base = self.learned.base
        return {
            "source": self.source,
            "companies": self.companies,
            "conversions": self.conversions,
            "base_rate": base if np.isfinite(base) else None,
            "groups": _records(self.learned.groups),
            "profile": proposed.model_dump(mode="json") if proposed else None,
            "yaml": self.block,
            "look_alikes": _records(self.look_alikes),
            "warnings": list(self.warnings),
        }


def profile(workspace: Workspace, as_of: pd.Timestamp, today: bool = False, most: int = 20) -> Profiled:
    """Learn the profile from the companies that converted, or from the customers where few did.

    Args:
        workspace: Config and folders.
        as_of: Nothing known at or after this moment is used.
        today: Whether that is the real today.
        most: Look-alikes wanted.
    """
    config = workspace.config
    _, tables, warnings = load(workspace, as_of, today)
    history = History.of(tables, until=as_of, timezone=config.project.timezone, noise=config.noise)
    family = families(tables["accounts"])
    now = _companies(history, history.existing([as_of]))
    found = _converted(workspace, tables, history)
    source: Literal["conversions", "customers"] = "conversions"
    if found is None or found["converted"].sum() < FEWEST:
        source, found = "customers", now.assign(converted=now["customer"])
    once = _once(found, family)
    learned = learn_profile(once, once["converted"].to_numpy(bool))
    known = set(found.loc[found["converted"], "account_id"])
    others = now[now["eligible"] & ~now["account_id"].isin(known)].reset_index(drop=True)
    alike = look_alikes(others, learned, most)
    names = others.set_index("account_id")["account_name"] if "account_name" in others else None
    if names is not None:
        alike.insert(1, "account_name", names.reindex(alike["account_id"]).to_numpy())
    if learned.proposed is None:
        warnings = (*warnings, "no group converts more than the rest beyond chance: nothing is proposed")
    return Profiled(source, len(once), int(once["converted"].sum()), learned, alike, warnings)


def _converted(workspace: Workspace, tables: Any, history: History) -> pd.DataFrame | None:
    """One row an account as it was known at its first conversion, or at its last snapshot; None without labels."""
    config = workspace.config
    rows = prepare_training(tables, history, config.snapshots, config.cohort, config.label, ()).training
    if not rows.converted.any():
        return None
    frame = pd.DataFrame({"account_id": rows.account_id, "as_of": rows.as_of, "converted": rows.converted})
    # The first conversion comes first; of those who never converted, the last snapshot.
    frame["order"] = np.where(frame["converted"], np.arange(len(frame)), -np.arange(len(frame)))
    frame = frame.sort_values(["account_id", "converted", "order"], ascending=[True, False, True])
    first = frame.drop_duplicates("account_id").reset_index(drop=True)
    at = first[["account_id"]].assign(as_of=first["as_of"].dt.tz_localize("UTC"))
    return _companies(history, at).assign(converted=first["converted"].to_numpy(bool))


def _companies(history: History, rows: pd.DataFrame) -> pd.DataFrame:
    """Accounts as they were known then, whether they were customers, and whether they may still become one."""
    view = history.at(rows.reset_index(drop=True))
    known = view.account().reindex(columns=list(_KEPT))
    known["account_id"] = rows["account_id"].to_numpy(object)
    customer = view.customer_since() != NEVER
    return known.assign(customer=customer, eligible=~customer)


def _once(found: pd.DataFrame, family: pd.Series) -> pd.DataFrame:
    """One row a family: the account that converted, else the first by id."""
    own = found.assign(family=family.reindex(found["account_id"]).to_numpy(object))
    ordered = own.sort_values(["family", "converted", "account_id"], ascending=[True, False, True])
    return ordered.drop_duplicates("family").reset_index(drop=True)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    plain = frame.astype(object).where(frame.notna(), None)
    return [{str(k): _plain(v) for k, v in row.items()} for row in plain.to_dict("records")]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
