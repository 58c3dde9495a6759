"""Memory: what a run may use, and a refusal before any work where that plainly cannot suffice."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from abm_scoring.data.tables import Tables
from abm_scoring.errors import MemoryLimitError
from abm_scoring.jobs.workspace import Workspace, source_files

#: Least that interpreter and libraries take in a run, in MB: of address space, and of memory that is really filled.
_LIBRARIES_MB = {"VmSize": 1_500, "VmRSS": 250}
#: Least that scoring takes beside its tables: bytes an event in the sealed history, and copies of a feature's number.
#: Measured: 100 to 230 bytes an event in all. Half of it is asked for, so that only the hopeless is refused.
_EVENT_BYTES, _FEATURE_COPIES = 80, 2
_MB = 2**20


@dataclass(frozen=True)
class Budget:
    """A limit that holds for this process.

    Attributes:
        limit_mb: What may be used in all.
        used_mb: What is used now; the libraries' least where that is more.
        set_by: Who set it, for the message.
    """

    limit_mb: int
    used_mb: int
    set_by: str


def budgets() -> Iterator[Budget]:
    """The limits that this system tells of: address space (--memory-mb, ulimit -v) and control group (containers)."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        yield Budget(limit // _MB, _used_mb("VmSize"), "--memory-mb")
    for folder in _control_groups():
        text = _text(folder / "memory.max").strip()
        if text.isdigit():
            yield Budget(int(text) // _MB, _used_mb("VmRSS"), "the control group's memory.max")


def require_memory(more_bytes: float, what: str) -> None:
    """Refuse work that needs more than any budget leaves.

    Args:
        more_bytes: What it takes at least, beside what is used already.
        what: What needs it, for the message.

    Raises:
        MemoryLimitError: A budget is too small (71).
    """
    for budget in budgets():
        needed = budget.used_mb + int(more_bytes / _MB)
        if needed > budget.limit_mb:
            raise MemoryLimitError(
                f"{what} needs {needed} MB or more, and {budget.limit_mb} MB may be used",
                where=budget.set_by,
                fix="raise it, or lower engine.accounts_per_partition",
            )


def reading_bytes(workspace: Workspace) -> int:
    """Least memory that the tables take: as much as their files hold, unpacked where a file says how much that is.

    Where events are too many to hold, the other tables may be read one at a time: the largest of them is the least.
    """
    sizes = {
        name: sum(_held(file) for file in source_files(source, workspace.data_root))
        for name, source in workspace.config.sources.items()
    }
    events, others = sizes.pop("events", 0), sizes.values()
    if events > workspace.config.engine.memory_mb * _MB:
        return max(others, default=0)
    return events + sum(others)


def scoring_bytes(tables: Tables, features: int, accounts_per_partition: int) -> int:
    """Least memory that scoring takes beside its tables: the sealed history, and the features of one partition."""
    together = min(len(tables["accounts"]), accounts_per_partition)
    return len(tables["events"]) * _EVENT_BYTES + together * features * 8 * _FEATURE_COPIES


def available_memory_mb() -> int | None:
    """Memory that a new process could use; None where the system does not say."""
    return _field(_text(Path("/proc/meminfo")), "MemAvailable")


def _held(file: Path) -> int:
    if file.suffix != ".parquet":
        return file.stat().st_size if file.is_file() else 0
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        about = pq.read_metadata(file)
    except (OSError, pa.ArrowException):  # whoever reads it says what is wrong
        return 0
    return sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))


def _used_mb(name: str) -> int:
    return max(_field(_text(Path("/proc/self/status")), name) or 0, _LIBRARIES_MB[name])


def _control_groups() -> list[Path]:
    """This process's group and those above it; none where there is no second version of control groups."""
    base = Path("/sys/fs/cgroup")
    own = next((line[3:] for line in _text(Path("/proc/self/cgroup")).splitlines() if line.startswith("0::")), None)
    if own is None:
        return []
    folder = base / own.lstrip("/")
    return [folder, *(parent for parent in folder.parents if parent.is_relative_to(base))]


def _field(text: str, name: str) -> int | None:
    """MB of a line like `VmSize:  1234 kB`."""
    found = [line.split()[1] for line in text.splitlines() if line.startswith(f"{name}:")]
    return int(found[0]) // 1024 if found else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
