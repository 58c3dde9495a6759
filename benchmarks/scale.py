"""One night at growing sizes: this machine against Spark on the same cores, equal files checked before a time is told.

`python -m benchmarks.scale --accounts 10000 100000 1000000 [--engines local spark cluster] [--json] [--report]`

The market is a demo market of 10 000 accounts and 30 events each, copied under new ids as often as needed, so that any
size has the same behaviour and no generator's limit. Each engine runs the real command, `abm-scoring score`, in
processes of its own. Every process that belongs to a run counts (the JVM, Python workers, a cluster's two workers on
loopback): CPU seconds, and memory as the largest sum of proportional sets seen. `equal` says whether the frozen scores
and the lists are those of the first engine, byte for byte. `--report` writes docs/evidence/scale.md and its picture.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

BASE, EVENTS = 10_000, 30
DAY = "2025-09-01"
REPORT = Path(__file__).parents[1] / "docs" / "evidence" / "scale.md"
#: Columns that name something of one copy of the market.
IDS = ("account_id", "parent_account_id", "contact_id", "event_id", "opportunity_id")
COPIED = ("accounts", "target_list", "contacts", "events", "opportunities", "invoices")
QUICK = ("model.boosting.bags=4", "model.bootstrap=100", "tracking.kind=none")
#: Variable that marks every process of a run.
MARK = "ABM_SCORING_BENCHMARK_RUN"
ENGINES = {
    "local": "kind: local",
    "local, two processes": "kind: local, processes: 2",
    "spark": "kind: spark, url: 'local[2]', settings: {settings}",
    "cluster": "kind: spark, url: '{url}', settings: {settings}",
}


def command(*args: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the command line; raises with its message where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "abm_scoring", *map(str, args)], env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"abm-scoring {args[0]}: {done.stderr[-2000:]}")
    return done


def base_project(folder: Path) -> Path:
    """A trained project of the base market; its config."""
    from abm_scoring.data.market.market import make_market, write_market
    from abm_scoring.data.market.spec import MarketSpec
    from abm_scoring.jobs.init import write_template

    config = folder / "abm.yaml"
    if not config.exists():
        write_market(make_market(MarketSpec(accounts=BASE, events_per_account=EVENTS, seed=7)), folder / "data")
        write_template("demo", config, "scale")
        command("train", config, "--as-of", DAY, *sets(QUICK))
    return config


def sets(overrides: tuple[str, ...]) -> list[str]:
    """`--set` arguments."""
    return [part for override in overrides for part in ("--set", override)]


def copied(base: Path, accounts: int, folder: Path) -> dict[str, str]:
    """Writes the tables of so many accounts; their sources as `--set` values, and the number of events as `events`."""
    folder.mkdir(parents=True, exist_ok=True)
    copies, found = -(-accounts // BASE), {}
    for name in COPIED:
        parquet, text = base / f"{name}.parquet", base / f"{name}.csv"
        table = pq.read_table(parquet) if parquet.exists() else pa.Table.from_pandas(pd.read_csv(text, dtype=str))
        target = folder / f"{name}.parquet"
        found[name] = f"sources.{name}={{kind: parquet, path: {target}, max_bytes: 100000000000}}"
        if target.exists():
            continue
        with pq.ParquetWriter(target, table.schema) as writer:
            for copy in range(copies):
                writer.write_table(renamed(table, f"{copy:04d}"))
    return found


def renamed(table: pa.Table, mark: str) -> pa.Table:
    """One copy of a table: its ids end in the copy's number."""
    import pyarrow.compute as pc

    for name in IDS:
        if name in table.column_names:
            ids = table[name]
            more = pc.binary_join_element_wise(ids, pa.scalar(mark, ids.type), pa.scalar("-", ids.type))
            table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), more)
    return table


class Watch:
    """Memory and CPU of every process that carries a mark, sampled while a block runs."""

    def __init__(self, mark: str) -> None:
        self._mark = f"{MARK}={mark}".encode()
        self._cpu: dict[tuple[int, int], float] = {}
        self.peak_mib = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def cpu_s(self) -> float:
        """Seconds of all processes."""
        return sum(self._cpu.values())

    def _watch(self) -> None:
        tick, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
        while not self._ended.wait(0.2):
            held = 0
            for pid in filter(str.isdigit, os.listdir("/proc")):
                with contextlib.suppress(OSError, IndexError):
                    if self._mark not in Path(f"/proc/{pid}/environ").read_bytes():
                        continue
                    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                    self._cpu[int(pid), int(fields[19])] = (int(fields[11]) + int(fields[12])) / tick
                    # Pages that forked workers share with their parent would count twice: proportional shares do not.
                    held += _proportional(pid) or int(fields[21]) * page
            self.peak_mib = max(self.peak_mib, held / 2**20)


def _proportional(pid: str) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


@contextlib.contextmanager
def cluster(env: dict[str, str], folder: Path, memory: str) -> Iterator[str]:
    """A standalone cluster on loopback: a master and two workers of one core each; its URL."""
    import pyspark

    home = Path(pyspark.__file__).parent
    env = {**env, "SPARK_HOME": str(home), "SPARK_NO_DAEMONIZE": "1", "PYSPARK_PYTHON": sys.executable}
    port = 17_077
    run = [str(home / "bin" / "spark-class")]
    log = (folder / "cluster.log").open("w")
    master = [*run, "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", str(port)]
    started = [subprocess.Popen([*master, "--webui-port", "18080"], env=env, stdout=log, stderr=log)]
    try:
        time.sleep(6)
        for i in range(2):
            worker = [*run, "org.apache.spark.deploy.worker.Worker", "--cores", "1", "--memory", memory, "--host"]
            where = ["127.0.0.1", "--webui-port", str(18081 + i), "--work-dir", str(folder / f"worker{i}")]
            started.append(
                subprocess.Popen([*worker, *where, f"spark://127.0.0.1:{port}"], env=env, stdout=log, stderr=log)
            )
        time.sleep(6)
        yield f"spark://127.0.0.1:{port}"
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


def shuffled_mib(events: Path) -> float:
    """What tasks wrote for others to read, by Spark's own log."""
    total = 0
    for file in events.rglob("*"):
        if not file.is_file() or file.name.startswith("."):
            continue
        for line in file.read_text(errors="replace").splitlines():
            if '"SparkListenerTaskEnd"' in line:
                metrics = json.loads(line).get("Task Metrics") or {}
                total += metrics.get("Shuffle Write Metrics", {}).get("Shuffle Bytes Written", 0)
    return total / 2**20


def measure(engine: str, config: Path, sources: dict[str, str], folder: Path, each: int, memory: int) -> dict[str, Any]:
    """One night of one engine: what it took, and the hashes of what it froze and listed."""
    mark, out = uuid.uuid4().hex, folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(config.parent / "models", out / "models", symlinks=True)
    log = folder / "events"
    shutil.rmtree(log, ignore_errors=True)
    log.mkdir(parents=True)
    env = {**os.environ, MARK: mark, "OMP_WAIT_POLICY": "PASSIVE"}
    settings = {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": log.as_uri(),
        "spark.eventLog.compress": "false",
        "spark.driver.memory": "3g",
        "spark.executor.memory": "2g",
    }
    told = "{" + ", ".join(f"{k}: '{v}'" for k, v in settings.items()) + "}"
    made = contextlib.nullcontext("") if engine != "cluster" else cluster(env, folder, "2g")
    with Watch(mark) as watch, made as url:
        own = ENGINES[engine].format(settings=told, url=url)
        chosen = f"{{{own}, accounts_per_partition: {each}, memory_mb: {memory}}}"
        overrides = ("outputs.formats=[csv]", f"engine={chosen}", *sources.values())
        begun = time.perf_counter()
        done = command("score", config, "--as-of", DAY, "--out", out, "--json", *sets(overrides), env=env)
        wall = time.perf_counter() - begun
    run = Path(json.loads(done.stdout)["run"])
    manifest = json.loads((run / "manifest.json").read_text())
    return {
        "wall_s": round(wall, 1),
        "cpu_s": round(watch.cpu_s, 1),
        "peak_mib": round(watch.peak_mib),
        "shuffled_mib": round(shuffled_mib(log), 1),
        "stages": manifest["timings"],
        "files": {name: one["sha256"] if isinstance(one, dict) else one for name, one in manifest["files"].items()},
    }


def measured(sizes: list[int], engines: list[str], scratch: Path, each: int, memory: int) -> list[dict[str, Any]]:
    """All engines at all sizes; the first engine of a size says what the others must equal."""
    config = base_project(scratch / "base") if sizes else scratch
    found = []
    for accounts in sizes:
        data = scratch / f"market{accounts}"
        sources = copied(config.parent / "data", accounts, data)
        events = pq.read_metadata(data / "events.parquet").num_rows
        first: dict[str, Any] | None = None
        for engine in engines:
            print(f"{accounts:,} accounts, {engine} …", file=sys.stderr)
            one = measure(engine, config, sources, scratch / "run", each, memory)
            files = one.pop("files")
            first = files if first is None else first
            found.append({"engine": engine, "accounts": accounts, "events": events, "equal": files == first, **one})
            print(json.dumps(found[-1]), file=sys.stderr)
        shutil.rmtree(data)
    return found


def written(found: list[dict[str, Any]]) -> str:
    """The page: every run, what doubling costs, Spark beside this machine, and the arithmetic of a large market."""
    runs = pd.DataFrame(found).drop(columns="stages").sort_values(["accounts", "engine"], kind="stable")
    runs["cpu_s per million accounts"] = (runs["cpu_s"] / runs["accounts"] * 1e6).round()
    lines = [
        "# One night at growing sizes",
        "",
        "Written by `python -m benchmarks.scale --accounts … --engines … --report` (benchmarks/scale.py): the whole "
        "command `abm-scoring score` from Parquet files to the published list in CSV, on two cores. *equal*: frozen "
        "scores and lists are those of the local engine, byte for byte. *peak_mib*: largest sum over all processes of "
        "a run, the JVM's and the workers' included. *shuffled_mib*: by Spark's own event log.",
        "",
        _table(runs),
        "",
        *_slopes(runs),
        *_ratios(runs),
        *_arithmetic(runs),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _table(frame: pd.DataFrame) -> str:
    cells = [
        [f"{v:,}" if isinstance(v, int | float) and not isinstance(v, bool) else str(v) for v in r]
        for r in frame.astype(object).to_numpy()
    ]
    rows = [list(map(str, frame.columns)), ["---"] * len(frame.columns), *cells]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _slopes(runs: pd.DataFrame) -> list[str]:
    """What growth costs each engine, from its smallest to its largest size."""
    said = ["## What growth costs", ""]
    for engine, own in runs.groupby("engine", sort=False):
        sizes = own.sort_values("accounts")
        for (_, a), (_, b) in zip(sizes.iloc[:-1].iterrows(), sizes.iloc[1:].iterrows(), strict=True):
            times = b["accounts"] / a["accounts"]
            doubling = (b["wall_s"] / a["wall_s"]) ** (1 / np.log2(times))
            said.append(
                f"- {engine}, {a['accounts']:,} → {b['accounts']:,} accounts ({times:g} ×): "
                f"wall {b['wall_s'] / a['wall_s']:.1f} ×, CPU {b['cpu_s'] / a['cpu_s']:.1f} ×, "
                f"memory {b['peak_mib'] / a['peak_mib']:.2f} ×; a doubling {doubling:.2f} × wall."
            )
    return [*said, ""]


def _ratios(runs: pd.DataFrame) -> list[str]:
    said = ["## Spark beside the local engine, on the same cores", ""]
    for accounts, own in runs.groupby("accounts"):
        local = own[own["engine"] == "local"]
        for _, one in own[own["engine"].isin(["spark", "cluster"])].iterrows():
            if len(local):
                base = local.iloc[0]
                said.append(
                    f"- {accounts:,} accounts, {one['engine']}: {one['wall_s'] / base['wall_s']:.1f} × the wall time "
                    f"and {one['cpu_s'] / base['cpu_s']:.1f} × the CPU."
                )
    return [
        *said,
        "",
        "What the difference is: starting a JVM and Python workers that each import the libraries and load compiled "
        "kernels (fixed, most of it at small sizes); reading the events twice, once for their ids; packing every event "
        "into Arrow bytes, writing them to the executors' disks, sending them through the shuffle (once here, twice "
        "where features compare accounts by their events); and keeping results on the executors' disks until the JVM "
        "has moved them to the driver, one partition after the other.",
        "",
    ]


def _arithmetic(runs: pd.DataFrame) -> list[str]:
    """300 million accounts and 100 billion events, from the largest run on Spark."""
    spark = runs[runs["engine"].isin(["spark", "cluster"])].sort_values("accounts")
    if spark.empty:
        return []
    accounts, events, memory = 300e6, 100e9, 1_024
    one = spark.iloc[-1]
    partitions = events * (160 + 2 * 80) / (0.75 * memory * 2**20)
    smaller = spark[spark["engine"] == one["engine"]].iloc[0]
    rows = max(one["events"] - smaller["events"], 1)
    cpu = (one["cpu_s"] - smaller["cpu_s"]) / rows if rows > 1 else one["cpu_s"] / one["events"]
    shuffle = one["shuffled_mib"] / one["events"]
    hours = cpu * events / 3600
    return [
        "## 300 million accounts and 100 billion events, on paper",
        "",
        f"Measured slope of {one['engine']}, per million events: {cpu * 1e6:.1f} CPU-s and {shuffle * 1e6:.0f} MiB of "
        "shuffle.",
        "",
        f"- Partitions of {memory} MiB: {partitions:,.0f}, of {events / partitions:,.0f} events and "
        f"{accounts / partitions:,.0f} accounts each; a task works on one, so a core needs about twice that memory.",
        f"- CPU: {hours:,.0f} core-hours; on 1 000 cores {hours / 1000:.1f} hours if nothing waits.",
        f"- Shuffle: {shuffle * events / 2**20:,.1f} TiB, once.",
        f"- Cost at 0.04 a core-hour (an assumption; put your own price in): {hours * 0.04:,.0f} a night.",
        f"- Of all accounts the driver holds {_narrow(runs)}. There this design ends: tables other than events would "
        "have to be routed by the executors, and the decisions distributed.",
        "",
    ]


def _narrow(runs: pd.DataFrame) -> str:
    """What an account more takes of this machine's memory, by the two largest local runs, and what that comes to."""
    local = runs[runs["engine"] == "local"].sort_values("accounts")
    if len(local) < 2:
        return "ids and narrow columns"
    a, b = local.iloc[-2], local.iloc[-1]
    each = (b["peak_mib"] - a["peak_mib"]) * 2**20 / (b["accounts"] - a["accounts"])
    return (
        f"about what the local engine does, {each:,.0f} bytes an account: {each * 10e6 / 2**30:,.0f} GiB for ten "
        f"million, {each * 300e6 / 2**30:,.0f} GiB for these"
    )


def drawn(found: list[dict[str, Any]], target: Path) -> None:
    """Wall time and memory by size, one line an engine."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    runs = pd.DataFrame(found)
    figure, both = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for axis, column, name in zip(both, ("wall_s", "peak_mib"), ("wall, s", "peak memory, MiB"), strict=True):
        for engine, own in runs.groupby("engine", sort=False):
            own = own.sort_values("accounts")
            axis.plot(own["accounts"], own[column], marker="o", label=engine)
        axis.set(xscale="log", yscale="log", xlabel="accounts", ylabel=name)
        axis.grid(True, which="both", alpha=0.3)
    both[0].legend(frameon=False)
    figure.savefig(target, dpi=120, metadata={"Software": ""})


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=["local", "spark", "cluster"])
    parser.add_argument("--each", type=int, default=20_000, help="accounts of a partition")
    parser.add_argument("--memory-mb", type=int, default=512, help="memory that the events of a partition may take")
    parser.add_argument("--scratch", type=Path, help="folder that keeps the base market between calls")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--report", nargs="*", type=Path, metavar="JSON", help="write the page, from saved runs too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="abm-scoring-scale-") as temporary:
        found = measured(args.accounts, args.engines, args.scratch or Path(temporary), args.each, args.memory_mb)
    if args.json:
        print(json.dumps(found, indent=2))
    elif found:
        print(pd.DataFrame(found).drop(columns="stages").to_string(index=False))
    if args.report is not None:
        every = [one for file in args.report for one in json.loads(file.read_text())] + found
        REPORT.write_text(written(every))
        drawn(every, REPORT.parents[1] / "images" / "scale.png")


if __name__ == "__main__":
    main()
