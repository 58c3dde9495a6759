"""Credit rules and bootstrap intervals beside their peers: the same paths, the same credit, CPU seconds and memory.

    python benchmarks/attribution.py [--paths 1000000] [--json] [--report]

Peers (`make peers`): ChannelAttribution and marketing-attribution-models for the rules, arch for a ratio's interval.
Every engine runs each rule in a fresh process after a warm-up on a small sample; its input lies in memory in the shape
that it asks for (ours: flat codes and offsets; the peers': one text a path), so that neither reading nor building that
text is in the clock. Every result is compared with ours before a time is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
PEERS = HERE.parent / ".venv-peers" / "bin" / "python"
CHANNELS = 12
#: Rule → engines. ChannelAttribution knows neither decay nor Shapley, the other no chain of a higher order.
RULES: dict[str, tuple[str, ...]] = {
    "first_last_linear": ("ours", "ours_frame", "channel_attribution", "mam"),
    "time_decay": ("ours", "mam"),
    "markov_1": ("ours", "channel_attribution", "mam"),
    "markov_2": ("ours", "channel_attribution"),
    "shapley": ("ours", "mam"),
    "ratio_interval": ("ours", "arch"),
}
#: Largest share of all wins by which a peer's credit for a channel may differ from ours; None: shown and not asserted.
TOLERANCE: dict[tuple[str, str], float | None] = {
    ("markov_1", "channel_attribution"): 0.02,  # estimated by simulation
    ("markov_2", "channel_attribution"): 0.02,  # the same
    ("shapley", "mam"): None,  # another value function: rates of exact sets of up to four channels
}
N_RATIO, DRAWS = 100_000, 2_000

PAGE = """# Credit rules beside their peers

Written by `python benchmarks/attribution.py --report`. {paths} paths with {touches} touches of {channels} channels;
about every fifth path converts. Every engine ran each rule in a fresh process after a warm-up, with its input in memory
in the shape that it asks for; results were compared before a time was noted. 2 cores; compare CPU seconds, and only
within a rule. Ours gives wins and money, ChannelAttribution too, marketing-attribution-models one of them.

Peak memory is that of the whole process, interpreter and libraries included. Added memory is what the task, its input
included, took on top of the peak after the warm-up. The rules themselves need numpy alone: pandas and numba are loaded
only where a data frame of the credits (`ours_frame`) or bootstrap intervals are asked for (`ratio_interval`), and take
their room then.

Versions: {versions}.

{table}

Largest difference: of any channel's credit, as a share of all wins; for the interval, of its width. ChannelAttribution
estimates Markov chains by simulation, ours solves them. marketing-attribution-models gives Shapley values of another
game (conversions of exact sets, at most four channels each), so that its credit is another by definition.
"""


def lengths(n: int) -> np.ndarray:
    """Touches of each path, 4.5 on average."""
    return np.minimum(np.random.default_rng(10).geometric(1 / 4.6, n), 25)


def make(n: int, folder: Path) -> None:
    """Paths with channels that like to follow each other, written in each engine's shape."""
    rng, length = np.random.default_rng(11), lengths(n)
    offsets = np.concatenate([[0], np.cumsum(length)])
    popularity = 1 / np.arange(1, CHANNELS + 1)
    codes = rng.choice(CHANNELS, offsets[-1], p=popularity / popularity.sum())
    again = rng.random(offsets[-1]) < 0.25
    again[offsets[:-1]] = False
    codes[1:][again[1:]] = codes[:-1][again[1:]]
    path, place = np.repeat(np.arange(n), length), np.arange(offsets[-1]) - np.repeat(offsets[:-1], length)
    # About every fifth path converts, as in the public paths that ChannelAttribution brings along.
    chance = 0.15 + 0.05 * np.bincount(path, codes % 3, n) / length
    wins = (rng.random(n) < chance).astype(float)
    money = np.round(wins * rng.lognormal(9, 1, n), 2)
    days = (length[path] - place) * rng.integers(4, 16, offsets[-1]) / 4
    flat = {"codes": codes.astype("int32"), "offsets": offsets, "wins": wins, "money": money}
    np.savez(folder / "flat.npz", **flat, days=days.astype("float32"))
    import pandas as pd

    names, hours = [f"c{c:02d}" for c in codes], [f"{24 * d:g}" for d in days]
    cuts = list(pairwise(offsets))
    pd.DataFrame(
        {
            "id": np.arange(n).astype(str),
            "path": [" > ".join(names[a:b]) for a, b in cuts],
            "hours": [" > ".join(hours[a:b]) for a, b in cuts],
            "wins": wins.astype(int),
            "money": money,
            "nulls": 1 - wins.astype(int),
        }
    ).to_parquet(folder / "text.parquet")


Engine = Callable[[], dict[str, Any]]


def ours(rule: str, folder: Path, as_frame: bool = False) -> Engine:
    from abm_scoring.roi.attribution import spec as specs
    from abm_scoring.roi.attribution.credits import attribute
    from abm_scoring.roi.attribution.paths import Paths

    with np.load(folder / "flat.npz") as stored:
        flat = {k: stored[k] for k in ("codes", "offsets", "wins", "money")}
        days = stored["days"] if rule == "time_decay" else None
    nulls = 1.0 - flat["wins"]
    units = tuple(f"c{c:02d}" for c in range(CHANNELS))
    chosen: dict[str, tuple[Any, ...]] = {
        "first_last_linear": (specs.FirstTouch(), specs.LastTouch(), specs.Linear()),
        "time_decay": (specs.TimeDecay(),),
        "markov_1": (specs.Markov(),),
        "markov_2": (specs.Markov(order=2),),
        "shapley": (specs.Shapley(),),
    }

    def run() -> dict[str, Any]:
        paths = Paths(units, flat["codes"], flat["offsets"], flat["wins"], flat["money"], nulls, days)
        found = attribute(paths, specs.AttributionSpec(rules=chosen[rule], draws=0))
        if as_frame:
            rows = found.credits.groupby("rule")
            return {str(name): dict(zip(own["unit"], own["wins"], strict=True)) for name, own in rows}
        return {own.rule: dict(zip(own.units, own.wins.tolist(), strict=True)) for own in found.rules}

    return run


def ours_frame(rule: str, folder: Path) -> Engine:
    """The same, with the credits asked for as a data frame, for which pandas is loaded."""
    return ours(rule, folder, as_frame=True)


def channel_attribution(rule: str, folder: Path) -> Engine:
    import ChannelAttribution as peer
    import pandas as pd

    data = pd.read_parquet(folder / "text.parquet", columns=["path", "wins", "money", "nulls"])

    def run() -> dict[str, Any]:
        if rule == "first_last_linear":
            found = peer.heuristic_models(data, "path", "wins", var_value="money", sep=">", flg_pro=False)
            found = found.set_index("channel_name")
            return {k: found[f"{k}_touch_conversions"].to_dict() for k in ("first", "last", "linear")}
        order = int(rule[-1])
        options = {"order": order, "sep": ">", "verbose": False, "flg_pro": False}
        found = peer.markov_model(data, "path", "wins", var_value="money", var_null="nulls", **options)
        found = found["result"] if isinstance(found, dict) else found
        return {"markov": found.set_index("channel_name")["total_conversions"].to_dict()}

    return run


def mam(rule: str, folder: Path) -> Engine:
    import polars
    from mam import MAM

    data = polars.read_parquet(folder / "text.parquet", columns=["id", "path", "hours", "wins"])
    data = data.with_columns(polars.col("wins") == 1)

    def run() -> dict[str, Any]:
        model = MAM(
            data, format_type="journey", channels_colname="path", journey_with_conv_colname="wins",
            user_id_colname="id", time_till_conv_colname="hours",
        )  # fmt: skip
        if rule == "markov_1":
            effect = model.run_markov().metadata["removal_effect"]["removal_effect"]
            return {"markov": (effect / effect.sum() * float(data["wins"].sum())).to_dict()}
        runs = {
            "first_last_linear": {"first": model.run_first_click, "last": model.run_last_click},
            "time_decay": {"time_decay": model.run_time_decay},
            "shapley": {"shapley": model.run_shapley},
        }[rule]
        if rule == "first_last_linear":
            runs["linear"] = model.run_linear
        found = {name: call() for name, call in runs.items()}
        return {name: _credit(result) for name, result in found.items()}

    return run


def _credit(result: Any) -> dict[str, float]:
    frame = result.to_polars()
    value = next(c for c in frame.columns if c != "channels")
    totals: dict[str, float] = {}
    for channel, amount in zip(frame["channels"].to_list(), frame[value].to_list(), strict=True):
        totals[str(channel)] = totals.get(str(channel), 0.0) + float(amount)
    return totals


def _ratio_data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.lognormal(0, 1, N_RATIO), rng.gamma(2, 1, N_RATIO)


def ours_ratio(rule: str, folder: Path) -> Engine:
    from abm_scoring.roi.bootstrap import ratio_interval

    top, below = _ratio_data()

    def run() -> dict[str, Any]:
        low, high = ratio_interval(top, below, draws=_draws(folder))
        return {"interval": {"low": low, "high": high}}

    return run


def arch(rule: str, folder: Path) -> Engine:
    from arch.bootstrap import IIDBootstrap

    top, below = _ratio_data()

    def run() -> dict[str, Any]:
        drawn = IIDBootstrap(top, below, seed=1)
        low, high = drawn.conf_int(lambda a, b: a.sum() / b.sum(), _draws(folder), method="percentile").ravel()
        return {"interval": {"low": float(low), "high": float(high)}}

    return run


def _draws(folder: Path) -> int:
    return 20 if folder.name == "warm" else DRAWS


ENGINES: dict[str, Callable[[str, Path], Engine]] = {
    "ours": ours, "ours_frame": ours_frame, "channel_attribution": channel_attribution, "mam": mam, "arch": arch,
}  # fmt: skip


def one(engine: str, rule: str, folder: Path) -> None:
    """In a process of its own: warms up, runs, and prints the credit, CPU seconds and peak memory."""
    start = ours_ratio if (engine, rule) == ("ours", "ratio_interval") else ENGINES[engine]
    start(rule, folder / "warm")()
    before = _peak()
    run = start(rule, folder / "full")
    begun = time.process_time()
    found = run()
    took = time.process_time() - begun
    print("\n" + json.dumps({"cpu_s": took, "peak_mib": _peak(), "added_mib": _peak() - before, "found": found}))


def _peak() -> float:
    """Largest resident memory of this process so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << (20 if sys.platform == "darwin" else 10))


def measure(n: int) -> dict[str, dict[str, dict[str, float | None]]]:
    """All rules and engines, compared before anything is told."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part, size in (("warm", min(n, 3_000)), ("full", n)):
            (folder / part).mkdir()
            # In a process of its own: a child begins with its parent's peak memory.
            command = [sys.executable, str(Path(__file__).resolve()), "--make", str(size), str(folder / part)]
            subprocess.run(command, check=True)
        wins = float(np.load(folder / "full" / "flat.npz")["wins"].sum())
        return {rule: _rule(rule, engines, folder, wins) for rule, engines in RULES.items()}


def _rule(rule: str, engines: tuple[str, ...], folder: Path, wins: float) -> dict[str, dict[str, float | None]]:
    runs = {engine: _fresh(engine, rule, folder) for engine in engines}
    own, rows = runs["ours"]["found"], {}
    for engine, run in runs.items():
        apart = _width_apart(own, run["found"]) if rule == "ratio_interval" else _apart(own, run["found"], wins)
        limit = TOLERANCE.get((rule, engine), 0.05 if rule == "ratio_interval" else 1e-6)
        if limit is not None and not apart <= limit:
            raise SystemExit(f"{rule}: {engine} differs from ours by {apart:.2g}, more than {limit:.2g}")
        figures = {"cpu_s": 3, "peak_mib": 1, "added_mib": 1}
        rows[engine] = {name: round(run[name], digits) for name, digits in figures.items()} | {"max_difference": apart}
    return rows


def _fresh(engine: str, rule: str, folder: Path) -> dict[str, Any]:
    python = sys.executable if engine.startswith("ours") else str(PEERS)
    done = subprocess.run(
        [python, str(Path(__file__).resolve()), "--one", engine, rule, str(folder)],
        stdout=subprocess.PIPE,
        check=True,
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _apart(ours: dict[str, Any], theirs: dict[str, Any], wins: float) -> float:
    """Largest difference of a channel's credit, as a share of all wins."""
    pairs = zip(sorted(ours), sorted(theirs), strict=True)
    return max(abs(ours[a][c] - theirs[b].get(c, 0.0)) for a, b in pairs for c in ours[a]) / wins


def _width_apart(ours: dict[str, Any], theirs: dict[str, Any]) -> float:
    one, two = (found["interval"]["high"] - found["interval"]["low"] for found in (ours, theirs))
    return float(abs(one - two) / two)


def table(results: dict[str, dict[str, dict[str, float | None]]]) -> str:
    """A Markdown table of what each engine took, with its ratio to ours."""
    head = ("rule", "engine", "CPU s", "× ours", "peak MiB", "× ours", "added MiB", "× ours", "largest difference")
    lines = [f"| {' | '.join(head)} |", "|---|---|---:|---:|---:|---:|---:|---:|---:|"]
    for rule, engines in results.items():
        for engine, took in engines.items():
            cells = []
            for name, digits in (("cpu_s", 2), ("peak_mib", 0), ("added_mib", 0)):
                here, own = float(took[name] or 0), float(engines["ours"][name] or 0)
                cells += [f"{here:.{digits}f}", f"{here / own:.1f}" if own else ""]
            lines.append(f"| {rule} | {engine} | {' | '.join(cells)} | {took['max_difference']:.1e} |")
    return "\n".join(lines)


def report(results: dict[str, dict[str, dict[str, float | None]]], n: int) -> None:
    """Writes the page of evidence."""
    code = "from importlib.metadata import version as v; print(', '.join(f'{n} {v(n)}' for n in ("
    code += "'ChannelAttribution', 'marketing-attribution-models', 'arch', 'polars', 'pandas', 'numpy')))"
    versions = subprocess.run([str(PEERS), "-c", code], stdout=subprocess.PIPE, check=True, text=True).stdout.strip()
    touches = int(lengths(n).sum())
    counts = {"paths": f"{n:,}".replace(",", " "), "touches": f"{touches:,}".replace(",", " "), "channels": CHANNELS}
    page = PAGE.format(**counts, versions=versions, table=table(results))
    (HERE.parent / "docs" / "evidence" / "attribution.md").write_text(page)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paths", type=int, default=1_000_000, help="number of paths, 4.5 touches each")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--report", action="store_true", help="write docs/evidence/attribution.md as well")
    parser.add_argument("--make", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make:
        make(int(given.make[0]), Path(given.make[1]))
        return
    if given.one:
        one(given.one[0], given.one[1], Path(given.one[2]))
        return
    if not PEERS.exists():
        raise SystemExit("the peers are not installed: run `make peers` first")
    found = measure(given.paths)
    if given.report:
        report(found, given.paths)
    print(json.dumps(found) if given.json else table(found))


if __name__ == "__main__":
    main()
