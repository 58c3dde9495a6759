"""The choices of the learning room."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from abm_scoring.spec import Spec


class SplitSpec(Spec):
    """Where in time training ends, choosing happens and testing begins.

    `train | choose + calibrate | test`, in this order, with an embargo between neighbours so that no label window of
    an earlier part reaches into a later one. Dates not given are placed so that the test part holds the last
    `test_share` of the matured rows and the choose part the last `choose_share` of what remains.
    """

    choose_from: date | None = Field(None, description="first as_of of the choosing part")
    test_from: date | None = Field(None, description="first as_of of the test part")
    test_share: float = Field(0.25, gt=0, lt=1, description="share of matured rows for the test where no date is given")
    choose_share: float = Field(0.3, gt=0, lt=1, description="share of the earlier rows for choosing, likewise")
    embargo_days: int | None = Field(
        None, ge=0, description="days between the parts; default: the label's horizon. Shorter ones are warned about"
    )


class BoostingSpec(Spec):
    """Parameters of one small LightGBM and of the bag around it."""

    trees: int = Field(150, ge=1, description="boosting rounds")
    learning_rate: float = Field(0.03, gt=0, description="shrinkage of each tree")
    leaves: int = Field(8, ge=2, description="leaves of a tree")
    min_child: int = Field(40, ge=1, description="fewest rows in a leaf")
    row_share: float = Field(0.8, gt=0, le=1, description="share of rows that a tree sees")
    column_share: float = Field(0.4, gt=0, le=1, description="share of features that a tree sees")
    l2: float = Field(5.0, ge=0, description="L2 penalty on leaf values")
    bags: int = Field(4, ge=1, description="models that differ in their seed only; their log-odds are averaged")
    monotone: bool = Field(True, description="let features whose direction is known only speak in that direction")


class LeakageSpec(Spec):
    """When a feature is suspected of knowing the outcome; training stops there unless the feature is allowed."""

    max_auc: float = Field(0.92, gt=0.5, le=1, description="a single feature above this AUC is suspected")
    max_missing_auc: float = Field(
        0.6, gt=0.5, le=1, description="a column without a date whose being filled exceeds this AUC is suspected"
    )
    max_categories: int = Field(200, ge=2, description="an account column with more values than this is an identifier")
    allow: dict[str, str] = Field(
        default_factory=dict, description="feature → why it is known beforehand; the audit then only reports it"
    )


class HazardSpec(Spec):
    """What `kind: hazard` says beside the probability within the label's horizon."""

    horizons_days: tuple[Annotated[int, Field(ge=1, le=730)], ...] = Field(
        (30, 90, 180),
        min_length=1,
        description="further horizons, in days; the longest one also ends the time to close",
    )


class TuneSpec(Spec):
    """How `kind: tuned` looks for parameters of the boosting, inside training time (needs the extra `tune`)."""

    trials: int = Field(30, ge=1, description="parameter sets tried; the same number and seed give the same model")
    seconds: float = Field(300.0, gt=0, description="no further set is tried after this long; a warning says so")


class ModelSpec(Spec):
    """Which rung of the ladder to train.

    `auto` lets the choosing part decide between the rungs that the number of conversions allows. `profile` needs no
    labels and claims no probability. `prior` is the base rate bent by profile fit, for few conversions. `tuned` tries
    other parameters of the boosting against the average. `hazard` gives every horizon and the time to close from one
    model, and learns from snapshots whose outcome is still open.
    """

    kind: Literal["auto", "profile", "prior", "logistic", "average", "tuned", "hazard"] = "auto"
    min_positives: int = Field(30, ge=2, description="fewer converted accounts than this: rung `prior` or `profile`")
    prior_positives: int = Field(10, ge=2, description="fewer converted accounts than this: rung `profile`")
    ridge: tuple[float, ...] = Field(
        (0.001, 0.005, 0.03, 0.2, 1.0), description="inverse ridge penalties tried inside training time"
    )
    boosting: BoostingSpec = BoostingSpec()
    tune: TuneSpec = TuneSpec()
    hazard: HazardSpec = HazardSpec()
    drift_limit: float = Field(
        0.12,
        ge=0,
        le=0.5,
        description="numbers that tell early from late training rows by an AUC beyond 0.5 ± this are left out",
    )
    max_rows: int = Field(
        40_000,
        ge=1_000,
        description="rows a model is fitted on: all conversions and a weighted sample of the other rows",
    )
    max_feature_rows: int = Field(
        500_000,
        ge=1_000,
        description="snapshots that features are built for; where there are more: all conversions and a weighted "
        "sample of the others. Each takes about 2 kB of memory",
    )
    leakage: LeakageSpec = LeakageSpec()
    seed: int = Field(0, ge=0, description="seed of bags, folds and resamples")
    threads: int = Field(2, ge=1, description="threads of native code; part of what makes a fit reproducible")
    bootstrap: int = Field(500, ge=50, description="resamples of accounts behind each interval")


class TrackingSpec(Spec):
    """Where training runs are recorded."""

    kind: Literal["mlflow", "none"] = "mlflow"
    uri: str | None = Field(None, description="MLflow tracking URI; default: a SQLite file in the output folder")
    experiment: str | None = Field(None, description="experiment name; default: the project's name")
