"""Versions of the libraries that can move a score."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("abm-scoring", "lightgbm", "numpy", "pandas", "scikit-learn")


def installed() -> dict[str, str]:
    """Library → version, `python` included; none of them is imported."""
    return {"python": platform.python_version(), **{name: _version(name) for name in LIBRARIES}}


def version_warnings(trained_with: dict[str, str]) -> tuple[str, ...]:
    """One sentence for each library whose version is not the one that trained; Python's last digit does not count."""
    here = installed()
    return tuple(
        f"the model was trained with {name} {then}, this is {here.get(name, 'not installed')}"
        for name, then in trained_with.items()
        if _counts(name, here.get(name, "not installed")) != _counts(name, then)
    )


def _counts(name: str, full: str) -> str:
    return full.rpartition(".")[0] if name == "python" else full


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
