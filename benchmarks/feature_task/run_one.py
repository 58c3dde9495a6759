"""Runs one engine in this process: warm-up on the small size, then the clock; the frame goes to a file afterwards."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))


def engine(name: str) -> Callable[[Path, Path], Any]:
    """The function of an engine; each imports its own library only."""
    if name.startswith("ours"):
        from feature_task import ours

        return ours.run_windows if name == "ours_windows" else ours.run
    if name.startswith("duckdb"):
        from feature_task import duckdb_engine

        return duckdb_engine.joined if name == "duckdb_join" else duckdb_engine.filtered
    if name == "polars":
        from feature_task import polars_engine

        return polars_engine.run
    if name == "featuretools":
        from feature_task import featuretools_engine

        return featuretools_engine.run
    from feature_task import pandas_engine

    return pandas_engine.run


def peak_mib() -> float:
    """The most memory that this process held; getrusage would count what its parent held when it was started."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def main(name: str, warm: Path, folder: Path, out: Path) -> None:
    """Prints what the run took as JSON."""
    if name == "shares":
        from feature_task.ours import shares

        shares(warm / "events.parquet", warm / "snapshots.parquet")
        print(json.dumps(shares(folder / "events.parquet", folder / "snapshots.parquet")))
        return
    run = engine(name)
    run(warm / "events.parquet", warm / "snapshots.parquet")
    cpu, wall = time.process_time(), time.perf_counter()
    frame = run(folder / "events.parquet", folder / "snapshots.parquet")
    took = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    took["peak_mib"] = peak_mib()
    frame.to_parquet(out)
    print(json.dumps(took))


if __name__ == "__main__":
    main(sys.argv[1], *(Path(argument) for argument in sys.argv[2:5]))
