from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abm_scoring.errors import MissingInputError
from abm_scoring.learning.bundle import Bundle, read_bundle, write_bundle
from abm_scoring.learning.bundle_files import content_version, hash_files, to_json
from abm_scoring.learning.calibration import Calibration
from abm_scoring.learning.contributions import probability
from abm_scoring.learning.intervals import Refits, fit_refits
from abm_scoring.learning.outcome import Outcome
from abm_scoring.learning.rungs import fit_rung
from abm_scoring.learning.selection import train_ladder
from abm_scoring.learning.severity import fit_severity
from abm_scoring.learning.shipping import make_bundle
from abm_scoring.learning.specs import BoostingSpec, ModelSpec, SplitSpec
from abm_scoring.learning.value import Value
from tests.learning.worlds import CATALOGUE, market

QUICK = ModelSpec(ridge=(0.01, 0.1), boosting=BoostingSpec(trees=30, bags=2), threads=1, bootstrap=60)
ROWS = market(accounts=300, dates=10, strength=1.5)
LINE = Calibration(kind="platt", intercept=-0.1, slope=0.8)


WORTH = replace(
    ROWS,
    value=np.where(ROWS.converted, 1000 * np.exp(ROWS.features["fit_total"].to_numpy()), np.nan),
    past_value=np.zeros(len(ROWS)),
)


# Made when a test asks, because every worker reads every file.
@cache
def trained() -> Outcome:
    return train_ladder(ROWS, SplitSpec(), QUICK.model_copy(update={"kind": "average"}))


@cache
def refitted() -> Refits | None:
    return fit_refits(trained().model, ROWS, QUICK)  # type: ignore[arg-type]


@cache
def valued() -> Value:
    severity = fit_severity(WORTH.take(WORTH.converted), np.inf, 60, None, QUICK)
    return Value(source="won_amount", gross_margin_rate=0.4, severity=severity)


def bundle_of(**changes: Any) -> Bundle:
    specs = {"features": [{"kind": "engagement"}]}
    return make_bundle(
        Outcome(**{**vars(trained()), **changes}), ROWS, specs, refitted(), valued(), {"value": {"source": "x"}}
    )


@cache
def shared() -> Bundle:
    return bundle_of(calibration=LINE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bundle").mkdir()
    write_bundle(tmp_path / "bundle", shared())
    return tmp_path / "bundle"


def test_it_comes_back_as_it_was_and_scores_to_the_bit(folder: Path) -> None:
    read = read_bundle(folder)
    assert read == shared()
    assert read.version == shared().version
    assert read.warnings == ()
    pd.testing.assert_frame_equal(read.score(ROWS.features), shared().score(ROWS.features), check_exact=True)


@pytest.mark.fault(53)
def test_it_is_text_and_json_only(folder: Path) -> None:
    assert {p.name for p in folder.iterdir()} == {
        "manifest.json",
        "model.json",
        "golden.json",
        "boosting_00.txt",
        "boosting_01.txt",
        "intervals.json",
        *(f"refit_{i:02d}.txt" for i in range(20)),
        "value.json",
        "value_00.txt",
    }
    for path in folder.glob("*.json"):
        json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda constant: pytest.fail(constant))
    assert all(path.read_text(encoding="utf-8").startswith("tree") for path in folder.glob("*.txt"))


def test_the_same_training_gives_the_same_files(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.mkdir()
    write_bundle(again, bundle_of(calibration=LINE))
    assert {p.name: p.read_bytes() for p in again.iterdir()} == {p.name: p.read_bytes() for p in folder.iterdir()}


def test_the_version_follows_the_content() -> None:
    assert len(shared().version) == 12
    assert bundle_of().version != shared().version


@pytest.mark.parametrize("rung", ["logistic", "profile"])
def test_every_rung_comes_back(rung: str, tmp_path: Path) -> None:
    outcome = train_ladder(ROWS, SplitSpec(), QUICK.model_copy(update={"kind": rung}))
    made = make_bundle(outcome, ROWS, {})
    write_bundle(tmp_path, made)
    read = read_bundle(tmp_path)
    assert read == made
    scored = read.score(ROWS.features)
    assert scored["probability"].isna().all() == (rung == "profile")
    assert scored["raw_score"].notna().all()


def test_scores_are_what_they_say() -> None:
    scored = shared().score(ROWS.features, reasons=4, negative_reasons=2)
    model = shared().model.log_odds(ROWS.features)
    np.testing.assert_allclose(scored["raw_score"], -0.1 + 0.8 * model, atol=1e-9)
    np.testing.assert_allclose(scored["probability"], probability(scored["raw_score"].to_numpy()))
    base = shared().contributions(ROWS.features).base
    np.testing.assert_allclose(scored["fit_raw"] + scored["behaviour_raw"] + base, scored["raw_score"], atol=1e-9)
    for share, raw in (("score", "raw_score"), ("fit_score", "fit_raw"), ("engagement_score", "behaviour_raw")):
        assert scored[share].between(0, 100).all()
        below = [100 * (scored[raw] < x).mean() for x in scored[raw][:50]]
        np.testing.assert_allclose(scored[share][:50], below, atol=1.5)
    assert {"reason_4_topic", "negative_reason_2_number"} <= set(scored)
    assert "reason_5_topic" not in scored and "negative_reason_3_topic" not in scored


@pytest.mark.parametrize("rung", ["average", "logistic", "profile"])
def test_topics_and_base_add_up_to_the_raw_score(rung: str) -> None:
    outcome = train_ladder(ROWS, SplitSpec(), QUICK.model_copy(update={"kind": rung}))
    made = make_bundle(replace(outcome, calibration=LINE), ROWS, {})
    scored = made.score(ROWS.features)
    topics = scored.filter(regex="^topic_")
    assert list(topics) == [f"topic_{t}" for t in dict.fromkeys(f.topic for f in CATALOGUE)]
    assert (topics.dtypes == "float64").all()
    base = made.contributions(ROWS.features).base
    np.testing.assert_allclose(base + topics.sum(axis=1), scored["raw_score"], atol=1e-9)
    for slot in ("reason_1", "reason_2", "negative_reason_1"):
        said = scored[scored[f"{slot}_topic"].notna()].head(200)
        for i, row in said.iterrows():
            assert row[f"{slot}_contribution"] == topics.loc[i, f"topic_{row[f'{slot}_topic']}"]


def test_money_and_bounds_stand_beside_the_probability() -> None:
    scored = shared().score(ROWS.features)
    worth = valued().severity.values(ROWS.features)
    np.testing.assert_array_equal(scored["expected_deal_value"], worth)
    np.testing.assert_allclose(scored["expected_value"], scored["probability"] * worth * 0.4)
    assert (scored["probability_low"] <= scored["probability"]).all()
    assert (scored["probability"] <= scored["probability_high"]).all()


def test_without_a_probability_or_a_value_the_columns_are_empty() -> None:
    columns = ["probability_low", "probability_high", "expected_deal_value", "expected_value"]
    without = make_bundle(trained(), ROWS, {}).score(ROWS.features)
    assert without[columns].isna().all(axis=None) and without["probability"].notna().all()
    profile = train_ladder(ROWS, SplitSpec(), QUICK.model_copy(update={"kind": "profile"}))
    ranked = make_bundle(profile, ROWS, {}, None, valued()).score(ROWS.features)
    assert ranked[[*columns, "probability"]].isna().all(axis=None)
    assert list(ranked.columns[:12]) == list(shared().score(ROWS.features).columns[:12])


def test_a_batch_of_one_scores_as_in_a_batch_of_all() -> None:
    whole = shared().score(ROWS.features.iloc[:40])
    for i in (0, 13, 39):
        pd.testing.assert_frame_equal(whole.iloc[[i]], shared().score(ROWS.features.iloc[[i]]), check_exact=True)


def test_no_rows_score_to_the_same_columns() -> None:
    empty = shared().score(ROWS.features.iloc[:0])
    assert len(empty) == 0
    assert list(empty.columns) == list(shared().score(ROWS.features.iloc[:2]).columns)


def test_a_part_without_features_has_no_share() -> None:
    only = tuple(f for f in CATALOGUE if f.part == "behaviour")
    rows = type(ROWS)(ROWS.features, ROWS.converted, ROWS.as_of, ROWS.account_id, ROWS.family, only, ROWS.horizon_days)
    model, _ = fit_rung("logistic", rows, QUICK, 90)
    scored = make_bundle(Outcome(**{**vars(trained()), "model": model}), rows, {}).score(rows.features)
    assert scored["fit_score"].isna().all()
    assert scored["engagement_score"].notna().all()


def test_a_profile_made_before_any_snapshot_matured_can_score() -> None:
    nothing = ROWS.take(np.zeros(len(ROWS), bool))
    outcome = train_ladder(nothing, SplitSpec(), QUICK)
    scored = make_bundle(outcome, nothing, {}).score(ROWS.features)
    expected = 100 * ROWS.features["fit_total"]
    np.testing.assert_allclose(scored["score"], expected, atol=2)


def test_there_are_enough_golden_rows_from_lowest_to_highest() -> None:
    scores = np.array(shared().golden.raw_score)
    assert len(scores) >= 20
    every = shared().score(ROWS.features)["raw_score"]
    assert (scores.min(), scores.max()) == (every.min(), every.max())


@pytest.mark.fault(33)
def test_unseen_levels_are_counted(folder: Path) -> None:
    strange = ROWS.features.iloc[:5].assign(sector=pd.Series(["mining"] * 3 + ["pharma"] * 2, dtype="str"))
    assert read_bundle(folder).unseen(strange) == {"sector": 3}


@pytest.mark.fault(40)
def test_a_missing_bundle_names_the_command_that_makes_one(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(MissingInputError, match="there is no model - run `abm-scoring train CONFIG`") as caught:
            read_bundle(place)
        assert caught.value.exit_code == 66


def flip_one_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.fault(41)
@pytest.mark.parametrize("damage", [flip_one_bit, truncate, empty, Path.unlink])
@pytest.mark.parametrize(
    "name",
    ["model.json", "golden.json", "boosting_01.txt", "manifest.json", "value.json", "value_00.txt", "refit_07.txt"],
)
def test_damage_is_refused_before_anything_is_parsed(
    folder: Path, name: str, damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    import lightgbm

    monkeypatch.setattr(lightgbm, "Booster", lambda **_: pytest.fail("damaged text was parsed"))
    damage(folder / name)
    with pytest.raises(MissingInputError) as caught:
        read_bundle(folder)
    assert caught.value.exit_code == 66
    assert "train" in str(caught.value)


@pytest.mark.fault(41)
def test_any_flipped_bit_of_the_manifest_is_refused(folder: Path) -> None:
    original = (folder / "manifest.json").read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(original) - 1, 60):
        changed = bytearray(original)
        changed[place] ^= 1 << int(rng.integers(0, 7))
        (folder / "manifest.json").write_bytes(bytes(changed))
        try:
            same = json.loads(changed) == json.loads(original)
        except ValueError:
            same = False
        if not same:
            with pytest.raises(MissingInputError):
                read_bundle(folder)


def rehash(folder: Path, about: dict[str, Any] | None = None) -> None:
    """Make the manifest fit the files again, as someone who edits a bundle by hand would."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"] = hash_files({name: (folder / name).read_bytes() for name in manifest["files"]})
    manifest["about"] = {**manifest["about"], **(about or {})}
    manifest["version"] = content_version(manifest["about"], manifest["files"])
    (folder / "manifest.json").write_bytes(to_json(manifest))


@pytest.mark.fault(44)
def test_golden_rows_that_score_differently_are_refused(folder: Path) -> None:
    golden = json.loads((folder / "golden.json").read_bytes())
    golden["raw_score"][3] += 1e-6
    (folder / "golden.json").write_bytes(to_json(golden))
    rehash(folder)
    with pytest.raises(MissingInputError, match="scores its own golden rows differently"):
        read_bundle(folder)


@pytest.mark.fault(44)
def test_differences_within_tolerance_pass(folder: Path) -> None:
    golden = json.loads((folder / "golden.json").read_bytes())
    golden["raw_score"] = [x * (1 + 1e-11) for x in golden["raw_score"]]
    (folder / "golden.json").write_bytes(to_json(golden))
    rehash(folder)
    read_bundle(folder)


@pytest.mark.fault(44)
def test_another_library_version_warns(folder: Path) -> None:
    rehash(folder, {"versions": {**shared().about.versions, "lightgbm": "4.6.0"}})
    assert read_bundle(folder).warnings[0].startswith("the model was trained with lightgbm 4.6.0, this is ")


def test_a_weight_edited_and_rehashed_is_caught_by_the_golden_rows(folder: Path) -> None:
    model = json.loads((folder / "model.json").read_bytes())
    model["logistic"]["intercept"] += 0.01
    (folder / "model.json").write_bytes(to_json(model))
    rehash(folder)
    with pytest.raises(MissingInputError, match="golden rows"):
        read_bundle(folder)


@pytest.mark.fault(44)
def test_a_changed_value_or_interval_is_caught_by_the_golden_rows(folder: Path) -> None:
    for name, change in (
        ("value.json", lambda part: part["severity"].update(ratio=1.5)),
        ("intervals.json", lambda part: part["weights"][3].__setitem__(0, 0.5)),
    ):
        original = (folder / name).read_bytes()
        part = json.loads(original)
        change(part)
        (folder / name).write_bytes(to_json(part))
        rehash(folder)
        with pytest.raises(MissingInputError, match="golden rows"):
            read_bundle(folder)
        (folder / name).write_bytes(original)
    rehash(folder)
    read_bundle(folder)


@pytest.mark.fault(44)
def test_a_part_that_was_taken_out_is_not_missed_silently(folder: Path) -> None:
    """Golden rows say what the bundle had, so a value model cannot be dropped from the manifest unnoticed."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for name in ("value.json", "value_00.txt"):
        del manifest["files"][name]
        (folder / name).unlink()
    (folder / "manifest.json").write_bytes(to_json(manifest))
    rehash(folder)
    with pytest.raises(MissingInputError, match="cannot score its own golden rows"):
        read_bundle(folder)


@pytest.mark.parametrize("about", [{"calibration": {"kind": "isotonic"}}, {"catalogue": []}, {"rung": 7}])
def test_content_that_makes_no_sense_is_refused(folder: Path, about: dict[str, Any]) -> None:
    rehash(folder, about)
    with pytest.raises(MissingInputError):
        read_bundle(folder)


@pytest.mark.fault(52)
def test_only_files_of_the_bundle_are_read(folder: Path) -> None:
    shutil.copy(folder / "model.json", folder.parent / "model.json")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"]["../model.json"] = manifest["files"]["model.json"]
    manifest["version"] = content_version(manifest["about"], manifest["files"])
    (folder / "manifest.json").write_bytes(to_json(manifest))
    with pytest.raises(MissingInputError, match="names a file that no model has"):
        read_bundle(folder)


@pytest.mark.fault(52)
def test_links_are_not_followed(folder: Path) -> None:
    outside = shutil.move(folder / "model.json", folder.parent / "model.json")
    (folder / "model.json").symlink_to(outside)
    with pytest.raises(MissingInputError, match="is missing"):
        read_bundle(folder)


def test_a_newer_format_is_refused(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_bytes(to_json({**manifest, "format": 2}))
    with pytest.raises(MissingInputError, match="format 2"):
        read_bundle(folder)


def test_what_training_found_travels_with_the_model(folder: Path) -> None:
    about = read_bundle(folder).about
    assert about.results["test"]["auc"] == trained().test["auc"]  # type: ignore[index]
    assert about.results["choose_from"] == trained().windows.choose_from.isoformat()  # type: ignore[union-attr]
    assert about.training["rows"] == len(ROWS)
    assert about.training["first_as_of"] == "2025-01-01T00:00:00.000000Z"
    assert about.results["value"] == {"source": "x"}
    assert about.specs == {"features": [{"kind": "engagement"}]}
    assert about.catalogue == CATALOGUE
