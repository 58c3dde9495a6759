"""What the return report says, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from abm_scoring.jobs.kpi_measuring import Kpis
from abm_scoring.jobs.reporting import plain
from abm_scoring.roi.associational import Associational
from abm_scoring.roi.attribution.credits import WHAT_CREDIT_IS_NOT, Attribution
from abm_scoring.roi.costs import CostLedger
from abm_scoring.roi.effect import Roi
from abm_scoring.roi.forecast import Forecast
from abm_scoring.roi.periods import Period
from abm_scoring.roi.predicted import Held
from abm_scoring.roi.trial import Trial

NO_HOLDOUT = "no holdout has matured: cannot be said"


@dataclass(frozen=True)
class Credit:
    """What was influenced.

    Attributes:
        returns: What money is: `gross_margin` or `revenue`.
        rules: Credits of every rule, side by side; None where there are no touches or no wins.
        wins, money: Won in the period, and what it brought.
        influenced_wins, influenced: Of these, with at least one touch in the lookback.
        reason: Why there is no credit.
    """

    returns: str
    rules: Attribution | None
    wins: float
    money: float
    influenced_wins: float
    influenced: float
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        told = {name: value for name, value in vars(self).items() if name != "rules"}
        return told | {"rules": self.rules.as_json() if self.rules else None, "what_credit_is_not": WHAT_CREDIT_IS_NOT}


@dataclass(frozen=True)
class Returns:
    """Everything that the report says.

    Attributes:
        period: What costs and credit are of.
        costs: Everything spent in it; None without a table of costs.
        credit: What was influenced.
        roi: (influenced − cost of campaigns) ÷ cost of campaigns: credit, not cause; None with `roi_reason`.
        trials: Randomised comparisons that have matured, the holdout first.
        compared: Adjusted comparisons without randomisation: associational.
        held: Matured forecasts against what came in; None while none has matured.
        ahead: What the last list should bring; None without one.
        kpis: The KPIs of the day.
        first_due: When the first list of the ledger can be held against what came in; None without one.
        folder: Where the report was published.
    """

    as_of: pd.Timestamp
    period: Period
    costs: CostLedger | None
    credit: Credit
    roi: float | None
    roi_reason: str
    trials: Sequence[Trial]
    compared: Sequence[Associational]
    held: Held | None
    ahead: Forecast | None
    kpis: Kpis
    warnings: tuple[str, ...]
    first_due: pd.Timestamp | None = None
    folder: Path | None = None

    @property
    def caused(self) -> Roi | None:
        """incremental_roi of the project's holdout; None without one."""
        return next((t.roi for t in self.trials if t.name == "holdout"), None)

    @property
    def campaign_cost(self) -> float | None:
        """What campaigns and content cost, with their part of shared costs; None where nothing is known."""
        if self.costs is None or not self.costs.total_cents:
            return None
        view = self.costs.views["campaign"]
        return float(view.loc[view.iloc[:, 0] != "(unallocated)", "cost"].sum())

    def as_json(self) -> dict[str, Any]:
        """The object that `roi --json` prints; documented in docs/reference/json.md."""
        caused = self.caused
        return {
            "as_of": self.as_of.isoformat(),
            "period": {
                "name": self.period.name,
                "start": self.period.start.isoformat(),
                "until": self.period.until.isoformat(),
            },
            "returns": self.credit.returns,
            "spent": self.costs.total if self.costs else None,
            "campaign_cost": self.campaign_cost,
            "influenced": self.credit.influenced,
            "roi": self.roi,
            "roi_reason": self.roi_reason,
            "incremental_roi": plain(caused.as_json()) if caused else None,
            "verdict": caused.verdict if caused else NO_HOLDOUT,
            "associational_roi": {c.name: plain(c.roi.as_json()) for c in self.compared},
            "costs": plain(self.costs.as_json()) if self.costs else None,
            "credit": plain(self.credit.as_json()),
            "trials": [plain(t.as_json()) for t in self.trials],
            "associational": [plain(c.as_json()) for c in self.compared],
            "predicted_against_realised": plain(self.held.as_json()) if self.held else None,
            "forecast": plain(self.ahead.as_json()) if self.ahead else None,
            "targets": plain(self.kpis.targets),
            "report": str(self.folder) if self.folder else None,
            "warnings": list(self.warnings),
        }
