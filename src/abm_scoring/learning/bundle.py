"""A model as a folder of LightGBM text and JSON: hashed, versioned by content, and proved on golden rows at load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter, ValidationError

from abm_scoring.errors import BadDataError, MissingInputError
from abm_scoring.features.catalogue import Feature
from abm_scoring.learning.bundle_files import (
    MANIFEST,
    content_version,
    hash_files,
    parse,
    read_files,
    read_stated,
    to_json,
    unusable,
    write_files,
)
from abm_scoring.learning.calibration import Calibration
from abm_scoring.learning.contributions import Contributions, probability
from abm_scoring.learning.hazard import HazardModel
from abm_scoring.learning.intervals import Refits, no_bounds
from abm_scoring.learning.models import Model
from abm_scoring.learning.reasons import reasons, topic_columns
from abm_scoring.learning.shares import ShareTable
from abm_scoring.learning.value import Value, no_value
from abm_scoring.learning.versions import version_warnings
from abm_scoring.spec import Spec

MODEL, GOLDEN, VALUE, REFITS = "model.json", "golden.json", "value.json", "intervals.json"
TRAIN_FIRST = "run `abm-scoring train CONFIG` to make one"
#: Golden rows may differ by this much, relative to their size, before a bundle is refused.
TOLERANCE = 1e-9
_MODEL: TypeAdapter[Model] = TypeAdapter(Model)


class Golden(Spec):
    """A few training rows with what they scored when the model was made.

    Attributes:
        features: Feature → values, None where missing.
        raw_score: Their raw scores.
        probability_low: Lower ends of their probabilities' intervals; empty where there are none.
        expected_deal_value: Their expected values of a conversion; empty where there are none.
    """

    features: dict[str, tuple[float | str | None, ...]]
    raw_score: tuple[float, ...]
    probability_low: tuple[float, ...] = ()
    expected_deal_value: tuple[float, ...] = ()

    def frame(self, catalogue: tuple[Feature, ...]) -> pd.DataFrame:
        """The rows as a feature frame."""
        dtypes = {"number": "float64", "category": "str"}
        return pd.DataFrame({f.name: pd.Series(self.features[f.name], dtype=dtypes[f.kind]) for f in catalogue})


class About(Spec):
    """Everything about a model but the model itself.

    Attributes:
        rung: Rung of the ladder.
        claims_probability: False where the raw score is no log-odds of a conversion.
        horizon_days: Days that a probability looks ahead.
        catalogue: Features in the order of contributions.
        calibration: From the model's log-odds to the raw score.
        scores: Where raw scores, and their fit and behaviour parts, lay in training.
        specs: Resolved specs that features, cohort, label and snapshots are built with; opaque here.
        training: Rows, conversions, first and last as_of, and whatever else describes the training.
        results: Metrics, opponents, candidates and warnings of the training.
        versions: Library → version that trained.
    """

    rung: str
    claims_probability: bool
    horizon_days: int
    catalogue: tuple[Feature, ...]
    calibration: Calibration
    scores: dict[str, ShareTable]
    specs: dict[str, Any]
    training: dict[str, Any]
    results: dict[str, Any]
    versions: dict[str, str]


@dataclass(frozen=True)
class Bundle:
    """A model that can be scored with.

    Attributes:
        about: Everything but the model.
        model: The model.
        golden: Rows that prove it.
        refits: What the intervals of probabilities come from; None where no probability is claimed.
        value: What a conversion is worth; None where nobody knows.
        warnings: What was noticed while it was read.
    """

    about: About
    model: Model
    golden: Golden
    refits: Refits | None = None
    value: Value | None = None
    warnings: tuple[str, ...] = field(default=(), compare=False)

    @cached_property
    def version(self) -> str:
        """12 hexadecimal digits of a hash over all content; the same training gives the same version."""
        return content_version(_dump(self.about), hash_files(_files(self)))

    def contributions(self, frame: pd.DataFrame) -> Contributions:
        """What each feature adds to the raw score; they add up to it."""
        return self.about.calibration.apply(self.model.contributions(frame))

    def score(self, frame: pd.DataFrame, reasons: int = 4, negative_reasons: int = 2) -> pd.DataFrame:
        """Score feature rows.

        Args:
            frame: n rows of features; found by name, extra columns ignored.
            reasons: Slots for what speaks for an account.
            negative_reasons: Slots for what speaks against it.

        Returns:
            n rows: `raw_score`, `probability` (NaN where the rung claims none), `fit_raw`, `behaviour_raw` (the parts
            of the raw score that come from what the company is and does), `score`, `fit_score`, `engagement_score` (0
            to 100, NaN where the model has no such features), `probability_low`, `probability_high` (90 % interval,
            see `Refits`), for a hazard `probability_<h>d` of each horizon and when a conversion would come (see
            `HazardModel.closing`), `expected_deal_value`, `expected_value` (money, NaN where no value is known),
            `topic_<code>` for every topic (log-odds; with the base of the contributions they add up to `raw_score`),
            and five columns a reason slot (`Reasons.columns`).
        """
        found = self.contributions(frame)
        raw = {"raw": found.log_odds, **{part: found.part(self._part(part)) for part in ("fit", "behaviour")}}
        shares = {part: self.about.scores[part].share(raw[part]) for part in raw}
        p = probability(raw["raw"]) if self.about.claims_probability else np.full(len(frame), np.nan)
        scored = pd.DataFrame(
            {
                "raw_score": raw["raw"],
                "probability": p,
                "fit_raw": raw["fit"],
                "behaviour_raw": raw["behaviour"],
                "score": shares["raw"],
                "fit_score": shares["fit"],
                "engagement_score": shares["behaviour"],
            },
            index=frame.index,
        )
        parts = [
            scored,
            self._bounds(frame, raw["raw"]),
            self._value(frame, p),
            self._closing(frame, raw["raw"]),
            topic_columns(found.values, self.about.catalogue, frame.index),
            self._reasons(found, frame, reasons, negative_reasons),
        ]
        return pd.concat(parts, axis=1)

    def unseen(self, frame: pd.DataFrame) -> dict[str, int]:
        """Category → rows whose level the training never saw, where there are any."""
        return self.model.unseen(frame)

    def _bounds(self, frame: pd.DataFrame, raw_score: np.ndarray) -> pd.DataFrame:
        claimed = self.refits if self.about.claims_probability else None
        return no_bounds(frame) if claimed is None else claimed.bounds(frame, raw_score, self.about.calibration)

    def _value(self, frame: pd.DataFrame, p: np.ndarray) -> pd.DataFrame:
        known = self.value if self.about.claims_probability else None
        return no_value(frame) if known is None else known.columns(frame, p)

    def _closing(self, frame: pd.DataFrame, raw_score: np.ndarray) -> pd.DataFrame:
        hazard = self.model if isinstance(self.model, HazardModel) else None
        return hazard.closing(frame, raw_score) if hazard else pd.DataFrame(index=frame.index)

    def _part(self, part: str) -> np.ndarray:
        return np.array([i for i, f in enumerate(self.about.catalogue) if f.part == part], dtype=int)

    def _reasons(self, found: Contributions, frame: pd.DataFrame, positive: int, negative: int) -> pd.DataFrame:
        catalogue = self.about.catalogue
        speaks_for = reasons(found.values, catalogue, positive, 1).columns("reason", frame, catalogue)
        against = reasons(found.values, catalogue, negative, -1).columns("negative_reason", frame, catalogue)
        return pd.concat([speaks_for, against], axis=1)


def write_bundle(folder: Path, bundle: Bundle) -> None:
    """Write a bundle into an existing, empty folder; making it public in one step is the caller's.

    Args:
        folder: The folder.
        bundle: What to write.
    """
    write_files(folder, _files(bundle), _dump(bundle.about))


def read_bundle(folder: Path) -> Bundle:
    """Read and prove a bundle.

    Every file is hashed before anything parses it: a truncated LightGBM text would crash the interpreter. Then the
    golden rows are scored again.

    Raises:
        MissingInputError: There is no bundle, it is not what was written, or it scores its golden rows differently.
    """
    if not (folder / MANIFEST).is_file():
        raise MissingInputError("there is no model", where=str(folder), fix=TRAIN_FIRST)
    files, stated = read_files(folder)
    try:
        about = About.model_validate_json(to_json(stated))
        model = _MODEL.validate_python(_with_texts(parse(files[MODEL]), files))
        golden = Golden.model_validate(parse(files[GOLDEN]))
        refits = Refits.model_validate(_with_texts(parse(files[REFITS]), files)) if REFITS in files else None
        value = Value.model_validate(_with_texts(parse(files[VALUE]), files)) if VALUE in files else None
    except (ValidationError, KeyError, ValueError) as error:
        raise unusable(folder, f"the model cannot be read ({type(error).__name__})") from error
    bundle = Bundle(about, model, golden, refits, value, version_warnings(about.versions))
    difference = _difference(bundle, folder)
    # Written so that NaN counts as a difference.
    if not (difference <= TOLERANCE).all():
        cause = f" ({'; '.join(bundle.warnings)})" if bundle.warnings else ""
        raise unusable(
            folder, f"the model scores its own golden rows differently, by up to {difference.max():.2g}{cause}"
        )
    return bundle


def read_about(folder: Path) -> tuple[str, About]:
    """Version and description of a bundle, without reading or proving its model.

    Raises:
        MissingInputError: The manifest is not what was written.
    """
    version, stated = read_stated(folder)
    try:
        return version, About.model_validate_json(to_json(stated))
    except ValidationError as error:
        raise unusable(folder, "the model's description cannot be read") from error


def _difference(bundle: Bundle, folder: Path) -> np.ndarray:
    """How far golden rows score from what they scored when the model was made, relative to the size of each number."""
    try:
        found = golden_scores(bundle, bundle.golden.frame(bundle.about.catalogue))
        parts = ("raw_score", "probability_low", "expected_deal_value")
        stored = {name: np.array(getattr(bundle.golden, name), dtype=np.float64) for name in parts}
        # What the golden rows do not have is empty there; a part that is only on one side is a difference.
        if set(found) != {name for name in parts if len(stored[name])}:
            raise ValueError
        every = [np.abs(found[name] - stored[name]) / np.maximum(1, np.abs(stored[name])) for name in found]
    except (BadDataError, KeyError, ValueError) as error:
        raise unusable(folder, "the model cannot score its own golden rows") from error
    return np.concatenate(every)


def golden_scores(bundle: Bundle, frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """What golden rows prove: a number of each part of the bundle that there is, by its name in `Golden`."""
    raw_score = bundle.contributions(frame).log_odds
    found = {"raw_score": raw_score}
    if bundle.refits is not None:
        bounds = bundle.refits.bounds(frame, raw_score, bundle.about.calibration)
        found["probability_low"] = bounds["probability_low"].to_numpy()
    if bundle.value is not None:
        found["expected_deal_value"] = bundle.value.severity.values(frame)
    return found


def _files(bundle: Bundle) -> dict[str, bytes]:
    """Every file but the manifest: name → bytes."""
    parts = {MODEL: (bundle.model, "boosting"), REFITS: (bundle.refits, "refit"), VALUE: (bundle.value, "value")}
    files = {GOLDEN: to_json(_dump(bundle.golden))}
    for name, (part, stem) in parts.items():
        if part is not None:
            dumped = _dump(part)
            files |= _texts_apart(dumped, stem)
            files[name] = to_json(dumped)
    return files


def _texts_apart(dumped: dict[str, Any], stem: str) -> dict[str, bytes]:
    """The LightGBM texts in a dump as files of their own; in their place the dump then has the names of the files."""
    holder = _holder(dumped)
    texts = {f"{stem}_{i:02d}.txt": text.encode() for i, text in enumerate(holder.get("texts", ()))}
    if texts:
        holder["texts"] = list(texts)
    return texts


def _with_texts(dumped: dict[str, Any], files: Mapping[str, bytes]) -> dict[str, Any]:
    """The inverse: file names replaced by what they hold."""
    holder = _holder(dumped)
    if "texts" in holder:
        holder["texts"] = tuple(files[name].decode() for name in holder["texts"])
    return dumped


def _holder(dumped: dict[str, Any]) -> dict[str, Any]:
    """The part of a dump that has the LightGBM texts, if any has."""
    for name in ("per_period", "boosting", "severity", "trees"):
        dumped = dumped.get(name, dumped)
    return dumped


def _dump(spec: Spec) -> dict[str, Any]:
    return spec.model_dump(mode="json")
