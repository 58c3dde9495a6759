"""Evidence rules: what an account must show, beside its score, to become an MQA."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from abm_scoring.errors import ConfigError
from abm_scoring.spec import Spec


class EngagedContacts(Spec):
    """Contacts of the account who engaged lately."""

    kind: Literal["engaged_contacts"]
    at_least: int = Field(2, ge=1, description="contacts")

    def amount(self, scores: pd.DataFrame) -> np.ndarray:
        """float64 [n]."""
        return _numbers(scores, "engaged_contacts", "features: {kind: buying_group} and a contacts table")


class EngagedRoles(Spec):
    """Distinct needed buying roles with an engaged contact."""

    kind: Literal["engaged_roles"]
    at_least: int = Field(1, ge=1, description="roles")

    def amount(self, scores: pd.DataFrame) -> np.ndarray:
        """float64 [n]."""
        named = _present(scores, "roles_engaged", "features: {kind: buying_group} and a contacts table").fillna("")
        return np.where(named == "", 0, named.str.count(";") + 1).astype("float64")


class EngagementMinutes(Spec):
    """Minutes that the account spent with the brand in the last `scoring.minutes_days` days."""

    kind: Literal["minutes"]
    at_least: float = Field(30.0, gt=0, description="minutes")

    def amount(self, scores: pd.DataFrame) -> np.ndarray:
        """float64 [n]."""
        return _numbers(scores, "engagement_minutes", "a `minutes` column of the events")


class Fit(Spec):
    """Fit score (0 to 100): what the company is."""

    kind: Literal["fit"]
    at_least: float = Field(40.0, gt=0, le=100, description="fit score")

    def amount(self, scores: pd.DataFrame) -> np.ndarray:
        """float64 [n]."""
        return _numbers(scores, "fit_score", "features that say what a company is")


Evidence = Annotated[EngagedContacts | EngagedRoles | EngagementMinutes | Fit, Field(discriminator="kind")]


def evident(scores: pd.DataFrame, rules: Sequence[Evidence]) -> np.ndarray:
    """Whether each account shows all that is asked for, bool [n]; what is unknown is not shown.

    Args:
        scores: n rows with the columns that the rules read.
        rules: All of them must hold; none: everybody does.

    Raises:
        ConfigError: The run has nothing that a rule could be judged by (78).
    """
    shown = np.ones(len(scores), dtype=bool)
    for rule in rules:
        # Written so that NaN shows nothing.
        shown &= rule.amount(scores) >= rule.at_least
    return shown


def _numbers(scores: pd.DataFrame, column: str, needs: str) -> np.ndarray:
    return _present(scores, column, needs).to_numpy("float64", na_value=np.nan)


def _present(scores: pd.DataFrame, column: str, needs: str) -> pd.Series:
    if column not in scores:
        raise ConfigError(f"there is no {column} to judge by", where="scoring.mqa.evidence", fix=f"it needs {needs}")
    return scores[column]
