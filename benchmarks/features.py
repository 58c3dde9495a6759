"""Point-in-time features beside DuckDB, Polars, pandas and featuretools: same files, same 143 columns, same cells.

    python benchmarks/features.py --size S [--json]     S, M or L
    python benchmarks/features.py --growth              what doubling events, snapshots or windows costs
    python benchmarks/features.py --size FT             the smaller task that featuretools can be asked for; FTI: each
                                                        account at dates of its own

The peers run in an environment of their own: `make peers` makes it. Every engine runs in a fresh process, on the same
Parquet files with text ids and unsorted rows, after a warm-up; reading and hashing are inside the clock. Nothing is
printed before every cell has been compared with every other engine's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from feature_task.columns import names
from feature_task.workload import SIZES, Size, make

HERE = Path(__file__).parent
PEERS = HERE.parent / ".venv-peers" / "bin" / "python"
#: Engines by size; at L the others would need more memory than there is.
ENGINES = {
    "XS": ("ours", "duckdb_join", "duckdb_filter", "polars", "pandas"),
    "S": ("ours", "duckdb_join", "duckdb_filter", "polars", "pandas"),
    "M": ("ours", "duckdb_join", "polars", "pandas"),
    "L": ("ours", "duckdb_join"),
}
#: featuretools is asked for part of the columns of fewer events: at dates that all accounts share, and at dates of
#: their own, as when an account is scored whenever something happens to it.
SMALL = {"FT": Size("FT", 2_000, 200_000, 12), "FTI": Size("FTI", 100, 10_000, 6, irregular=True)}

PAGE = """# The feature engine beside its peers

Written by `python benchmarks/features.py --report …` from the JSON of the runs. 143 columns a snapshot (counts, sums,
distinct contacts, days and channels over five windows, recency, momentum, decayed scores) from text ids and unsorted
Parquet. Every engine ran in a fresh process after a warm-up, reading included; every cell was compared before a time
was noted. 2 cores; compare CPU seconds, and only within a size.

S: 10 000 accounts, 1 000 000 events, 120 000 snapshots · M: 100 000, 10 000 000, 1 200 000 · L: 1 000 000, 30 000 000,
1 000 000 · FT: 2 000 accounts, 200 000 events, 24 000 snapshots and the 95 columns that featuretools can give · FTI:
the same columns of 100 accounts, 10 000 events and 600 snapshots, each at a moment of its own. Floor: read the file,
touch the result's memory and move each event once.

{table}

## Where the time goes (CPU seconds)

| size | read | hash and sort | kernel |
|---|---:|---:|---:|
{stages}

## Growth

20 000 accounts, 2 000 000 events and twelve snapshots a year as the base; the best of three runs each.

| | CPU s | times the base |
|---|---:|---:|
{growth}

![CPU time when one thing doubles](../images/feature-growth.png)
"""


def engine(name: str, files: tuple[Path, Path], out: Path) -> dict[str, float]:
    """What one engine took in a process of its own."""
    own = name.startswith("ours") or name == "shares"
    python = sys.executable if own else str(PEERS)
    warm = make(SIZES["XS"], data_folder())[0].parent
    command = [python, str(HERE / "feature_task" / "run_one.py"), name, str(warm), str(files[0].parent), str(out)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"})
    took: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {key: round(value, 3) for key, value in took.items()}


def data_folder() -> Path:
    """Where the files lie between runs."""
    return Path(os.environ.get("ABM_BENCH_DATA") or Path(tempfile.gettempdir()) / "abm-bench")


def floor(files: tuple[Path, Path], snapshots: int) -> float:
    """Wall seconds nobody can save: read the file, touch the result's memory, move every event once."""
    begun = time.perf_counter()
    table = pq.read_table(files[0])
    out = np.empty((snapshots, len(names())), np.float32)
    out.fill(0)
    moment = table["occurred_at"].cast("int64").to_numpy()
    moved = np.empty_like(moment)
    moved[np.random.default_rng(0).permutation(len(moment))] = moment
    return time.perf_counter() - begun


def compare(frames: dict[str, Path], columns: list[str]) -> None:
    """Every cell of every engine against ours.

    Raises:
        SystemExit: A cell differs by more than float32 allows.
    """
    ours = pd.read_parquet(frames["ours"], columns=columns)
    for name, path in frames.items():
        theirs = pd.read_parquet(path, columns=columns)
        for column in columns:
            a, b = ours[column].to_numpy("float64"), theirs[column].to_numpy("float64")
            wrong = ~np.isclose(a, b, rtol=1e-5, atol=1e-5, equal_nan=True)
            if wrong.any():
                raise SystemExit(f"{name}: {column} differs in {wrong.sum()} rows: {a[wrong][0]} is not {b[wrong][0]}")


def measure(size: Size, engines: tuple[str, ...], columns: list[str] | None = None) -> dict[str, Any]:
    """All engines on one size, compared cell by cell."""
    files = make(size, data_folder())
    found = {"size": size.name, "floor_s": round(min(floor(files, size.snapshots) for _ in range(3)), 3)}
    with tempfile.TemporaryDirectory() as folder:
        outs = {name: Path(folder) / f"{name}.parquet" for name in engines}
        took = {name: engine(name, files, out) for name, out in outs.items()}
        compare(outs, columns or names())
        stages = engine("shares", files, Path(folder) / "none") if size.name in ("S", "M") else None
    ours = took.pop("ours")
    return {**found, "equal": True, "columns": len(columns or names()), "ours": ours, "shares": stages, "engines": took}


def growth() -> list[dict[str, Any]]:
    """CPU seconds of ours, and what doubling each thing multiplies them by."""
    base = Size("base", 20_000, 2_000_000, 12)
    variants = {
        "base": base,
        "events × 2": replace(base, name="events", events=2 * base.events),
        "snapshots × 2": replace(base, name="snapshots", dates=24, every=15.0),
        "52 snapshots": replace(base, name="weekly", dates=52, every=7.0),
    }
    rows: list[dict[str, Any]] = []
    for label, size in variants.items():
        rows.append({"what": label, **_best("ours", size)})
    rows.append({"what": "windows × 2", **_best("ours_windows", base)})
    first = rows[0]["cpu_s"]
    return [{**row, "times": round(row["cpu_s"] / first, 2)} for row in rows]


def _best(name: str, size: Size) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        runs = [engine(name, make(size, data_folder()), Path(folder) / "out.parquet") for _ in range(3)]
    return min(runs, key=lambda run: run["cpu_s"])


def featuretools(size: Size) -> dict[str, Any]:
    """The smaller task that featuretools can be asked for."""
    prefixes = ("_count_", "_value_", "_contacts_")
    columns = [n for n in names() if any(p in n for p in prefixes)]
    return measure(size, ("ours", "featuretools"), columns)


def table(results: list[dict[str, Any]]) -> str:
    """A Markdown table of what each engine took, with its ratio to ours."""
    lines = ["| size | engine | CPU s | × ours | wall s | × ours | peak MiB |", "|---|---|---:|---:|---:|---:|---:|"]
    for found in results:
        ours = found["ours"]
        for name, took in {"abm_scoring": ours, **found["engines"]}.items():
            cpu, wall = took["cpu_s"] / ours["cpu_s"], took["wall_s"] / ours["wall_s"]
            lines.append(
                f"| {found['size']} | {name} | {took['cpu_s']:.2f} | {cpu:.1f} | {took['wall_s']:.2f} | {wall:.1f} "
                f"| {took['peak_mib']:.0f} |"
            )
        lines.append(
            f"| {found['size']} | floor | | | {found['floor_s']:.2f} | {found['floor_s'] / ours['wall_s']:.2f} | |"
        )
    return "\n".join(lines)


def report(runs: list[Any]) -> None:
    """Writes the page of evidence and the plot from what the runs printed."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    compared = [run for run in runs if isinstance(run, dict)]
    grown = next((run for run in runs if isinstance(run, list)), [])
    stages = "\n".join(
        f"| {run['size']} | {s['read_s']:.2f} | {s['hash_and_sort_s']:.2f} | {s['kernel_s']:.2f} |"
        for run in compared
        if (s := run.get("shares"))
    )
    growth_rows = "\n".join(f"| {row['what']} | {row['cpu_s']:.2f} | {row['times']:.2f} |" for row in grown)
    docs = HERE.parent / "docs"
    (docs / "evidence" / "features.md").write_text(
        PAGE.format(table=table(compared), stages=stages, growth=growth_rows)
    )
    figure, axes = pyplot.subplots(figsize=(6, 3))
    axes.barh([row["what"] for row in grown][::-1], [row["times"] for row in grown][::-1], color="#3b6ea5")
    axes.axvline(2.2, color="#b03a2e", linewidth=1)
    axes.set_xlabel("CPU time, times the base (the line: 2.2)")
    figure.tight_layout()
    figure.savefig(docs / "images" / "feature-growth.png", dpi=110, metadata={"Software": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=[*SIZES, *SMALL], default="S")
    parser.add_argument("--engines", help="comma-separated; default: those of the size")
    parser.add_argument("--growth", action="store_true", help="cost of doubling events, snapshots, windows")
    parser.add_argument("--report", nargs="+", type=Path, help="JSON of runs, written to docs/evidence/features.md")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    given = parser.parse_args()
    if given.report:
        report([json.loads(path.read_text()) for path in given.report])
        return
    if not PEERS.exists() and not given.growth:
        raise SystemExit("the peers are not installed: run `make peers` first")
    if given.growth:
        print(json.dumps(growth()) if given.json else pd.DataFrame(growth()).to_string(index=False))
        return
    chosen = tuple(given.engines.split(",")) if given.engines else ENGINES.get(given.size, ())
    found = featuretools(SMALL[given.size]) if given.size in SMALL else measure(SIZES[given.size], chosen)
    print(json.dumps(found) if given.json else table([found]))


if __name__ == "__main__":
    main()
