"""Runs in `.venv-peers`: fits one peer on a Parquet file of training rows and writes its test probabilities.

    python learning_peers.py MODEL TRAIN.parquet TEST.parquet OUT.parquet SECONDS SEED

Columns: `target` and `family` (training rows only), and features; text columns are categories. MODEL is flaml,
flaml_random, catboost or ebm.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd


def flaml(
    train: pd.DataFrame, target: pd.Series, family: pd.Series, test: pd.DataFrame, seconds: float, seed: int
) -> np.ndarray:
    """Its inner folds keep a family's snapshots together; otherwise it is rewarded for knowing accounts by heart."""
    return _search(train, target, test, seconds, seed, {"split_type": "group", "groups": family.to_numpy()})


def flaml_random(
    train: pd.DataFrame, target: pd.Series, family: pd.Series, test: pd.DataFrame, seconds: float, seed: int
) -> np.ndarray:
    """As it comes: rows are dealt into its inner folds at random."""
    return _search(train, target, test, seconds, seed, {})


def _search(
    train: pd.DataFrame, target: pd.Series, test: pd.DataFrame, seconds: float, seed: int, folds: dict
) -> np.ndarray:
    from flaml import AutoML

    search = AutoML()
    search.fit(
        train, target, task="classification", metric="log_loss", time_budget=seconds, seed=seed, n_jobs=1, verbose=0,
        **folds,
    )  # fmt: skip
    return search.predict_proba(test)[:, 1]


def catboost(
    train: pd.DataFrame, target: pd.Series, family: pd.Series, test: pd.DataFrame, seconds: float, seed: int
) -> np.ndarray:
    from catboost import CatBoostClassifier

    texts = [name for name in train if not pd.api.types.is_numeric_dtype(train[name])]
    train, test = (f.assign(**{name: f[name].astype(object).fillna("") for name in texts}) for f in (train, test))
    # As small as our own boosting: slow, shallow and regularised.
    model = CatBoostClassifier(
        iterations=300, learning_rate=0.03, depth=4, l2_leaf_reg=5, random_seed=seed, thread_count=1, verbose=0,
        cat_features=texts, allow_writing_files=False,
    )  # fmt: skip
    model.fit(train, target)
    return model.predict_proba(test)[:, 1]


def ebm(
    train: pd.DataFrame, target: pd.Series, family: pd.Series, test: pd.DataFrame, seconds: float, seed: int
) -> np.ndarray:
    from interpret.glassbox import ExplainableBoostingClassifier

    model = ExplainableBoostingClassifier(
        random_state=seed, n_jobs=1, interactions=0, outer_bags=4, max_rounds=1_000, max_bins=64
    )
    model.fit(train, target)
    return model.predict_proba(test)[:, 1]


def main(model: str, train_path: str, test_path: str, out: str, seconds: str, seed: str) -> None:
    train, test = pd.read_parquet(train_path), pd.read_parquet(test_path)
    target, family = train.pop("target"), train.pop("family")
    for name in train:
        if not pd.api.types.is_numeric_dtype(train[name]):
            levels = pd.CategoricalDtype(sorted(train[name].dropna().unique()))
            train[name], test[name] = train[name].astype(levels), test[name].astype(levels)
    fit = {"flaml": flaml, "flaml_random": flaml_random, "catboost": catboost, "ebm": ebm}[model]
    pd.DataFrame({"p": fit(train, target, family, test, float(seconds), int(seed))}).to_parquet(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
