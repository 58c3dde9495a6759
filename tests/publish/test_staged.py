"""Publishing a folder: all or nothing, whatever happens."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from abm_scoring.errors import ConfigError, DiskError, OutputError
from abm_scoring.publish import disk, staged
from abm_scoring.publish.runs import list_runs, resolve_pointer, verify
from abm_scoring.publish.staged import check_writable, make_output_folder, publish_folder
from abm_scoring.publish.workshop import sweep
from tests.publish.helpers import fork, outcome, private, public, writer

#: The system calls by which publishing changes what a reader can see, or makes it last.
STEPS = ("mkdir", "chmod", "fsync", "rename", "symlink", "replace")


@contextmanager
def at_step(k: int, act: Callable[[], None]) -> Iterator[list[str]]:
    """Calls `act` in place of the k-th step; gives the names of the steps taken so far."""
    taken: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in STEPS:
            real = getattr(os, name)

            def step(*args: object, _name: str = name, _real: Callable[..., object] = real, **kw: object) -> object:
                taken.append(_name)
                if len(taken) == k + 1:
                    act()
                return _real(*args, **kw)

            patch.setattr(os, name, step)
        yield taken


def number_of_steps(parent: Path) -> int:
    publish_folder(parent, "run-0", "latest", writer("run-0"))
    with at_step(-1, lambda: None) as taken:
        publish_folder(parent, "run-1", "latest", writer("run-1"))
    return len(taken)


def test_publishes_a_folder_and_points_to_it(tmp_path: Path) -> None:
    folder = publish_folder(tmp_path, "run-1", "latest", writer("run-1"))
    assert folder == tmp_path / "run-1"
    assert verify(folder) == []
    assert os.readlink(tmp_path / "latest") == "run-1"
    publish_folder(tmp_path, "run-2", "latest", writer("run-2"))
    assert resolve_pointer(tmp_path, "latest") == tmp_path / "run-2"
    assert verify(folder) == []
    assert private(tmp_path) == []


def test_what_never_becomes_current_leaves_the_pointer(tmp_path: Path) -> None:
    publish_folder(tmp_path, "run-1", "latest", writer("run-1"))
    publish_folder(tmp_path, "what-if", "latest", writer("what-if"), move_pointer=False)
    assert resolve_pointer(tmp_path) == tmp_path / "run-1"
    assert [p.name for p in list_runs(tmp_path)] == ["run-1", "what-if"]


def test_a_second_run_of_a_day_changes_nothing(tmp_path: Path) -> None:
    first = publish_folder(tmp_path, "run-1", "latest", writer("run-1"))
    before, inode = public(tmp_path), first.stat().st_ino
    later = writer("run-1", scored_at="2026-11-21T09:00:00Z", timings={"score": 1.5})
    assert publish_folder(tmp_path, "run-1", "latest", later) == first
    assert public(tmp_path) == before
    assert first.stat().st_ino == inode


def test_a_second_run_moves_the_pointer_back_to_its_folder(tmp_path: Path) -> None:
    publish_folder(tmp_path, "run-1", "latest", writer("run-1"))
    publish_folder(tmp_path, "run-2", "latest", writer("run-2"))
    publish_folder(tmp_path, "run-1", "latest", writer("run-1"))
    assert resolve_pointer(tmp_path) == tmp_path / "run-1"


@pytest.mark.parametrize("damage", ["change", "add", "remove", "link", "file"])
def test_a_folder_that_was_altered_is_not_overwritten(tmp_path: Path, damage: str) -> None:
    folder = publish_folder(tmp_path, "run-1", "latest", writer("run-1"))
    if damage == "change":
        (folder / "list.csv").write_bytes(b"altered")
    elif damage == "add":
        (folder / "more.csv").write_bytes(b"")
    elif damage == "remove":
        (folder / "manifest.json").unlink()
    else:
        shutil.rmtree(folder)
        if damage == "file":
            folder.write_bytes(b"")
        else:
            folder.symlink_to(tmp_path)
    before = public(tmp_path) if damage != "link" else None
    with pytest.raises(OutputError, match="altered after publication"):
        publish_folder(tmp_path, "run-1", "latest", writer("run-1"))
    assert before is None or public(tmp_path) == before
    assert private(tmp_path) == []


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a", ".hidden", "-rf", "a\nb", "x" * 300])
def test_names_cannot_lead_elsewhere(tmp_path: Path, name: str) -> None:
    for run, pointer in ((name, "latest"), ("run-1", name)):
        with pytest.raises(ValueError, match="plain file name"):
            publish_folder(tmp_path, run, pointer, writer("run-1"))
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_the_folder_is_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    outside.chmod(0o600)

    def write(folder: Path) -> None:
        (folder / "list.csv").symlink_to(outside)

    with pytest.raises(ValueError, match="no links"):
        publish_folder(tmp_path, "run-1", "latest", write)
    assert stat.S_IMODE(outside.stat().st_mode) == 0o600
    assert public(tmp_path) == {"outside.txt": b"mine"}


def test_an_error_of_the_writer_leaves_everything_as_before(tmp_path: Path) -> None:
    publish_folder(tmp_path, "run-1", "latest", writer("run-1"))
    before = public(tmp_path)

    def write(folder: Path) -> None:
        writer("run-2")(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish_folder(tmp_path, "run-2", "latest", write)
    assert public(tmp_path) == before
    assert private(tmp_path) == []


def test_an_input_that_is_missing_is_not_blamed_on_the_output(tmp_path: Path) -> None:
    def write(folder: Path) -> None:
        Path("/nonexistent/input.csv").read_bytes()

    with pytest.raises(FileNotFoundError):
        publish_folder(tmp_path, "run-1", "latest", write)


@pytest.mark.fault(1)
def test_sigkill_at_random_moments(tmp_path: Path) -> None:
    publish_folder(tmp_path, "run-000000", "latest", writer("run-000000", size=20_000))
    moments = random.Random(7)
    caught_half_way = 0
    for attempt in range(25):

        def publish_for_ever(first: int = attempt * 10_000 + 1) -> None:
            for i in count(first):
                publish_folder(tmp_path, f"run-{i:06d}", "latest", writer(f"run-{i:06d}", size=20_000))

        child = fork(publish_for_ever)
        time.sleep(moments.uniform(0.005, 0.1))
        os.kill(child, signal.SIGKILL)
        assert outcome(child) == -signal.SIGKILL
        caught_half_way += bool(private(tmp_path))
        assert resolve_pointer(tmp_path) is not None
        folders = [p for p in tmp_path.iterdir() if not p.name.startswith(".") and not p.is_symlink()]
        assert all(verify(folder) == [] for folder in folders)
        assert len(folders) == len(list_runs(tmp_path))
    assert caught_half_way > 0, "no kill fell into a publication: the test proves nothing"
    publish_folder(tmp_path, "run-999999", "latest", writer("run-999999"))
    assert private(tmp_path) == []


@pytest.mark.fault(1)
@pytest.mark.fault(9)
def test_sigkill_at_every_step(tmp_path: Path) -> None:
    steps = number_of_steps(tmp_path / make(tmp_path, "count"))
    assert steps > 10
    halves = 0
    for k in range(steps):
        parent = tmp_path / make(tmp_path, f"kill-{k}")
        publish_folder(parent, "run-0", "latest", writer("run-0"))
        before = public(parent)

        def die(parent: Path = parent, k: int = k) -> None:
            with at_step(k, lambda: os.kill(os.getpid(), signal.SIGKILL)):
                publish_folder(parent, "run-1", "latest", writer("run-1"))

        assert outcome(fork(die)) == -signal.SIGKILL
        after = public(parent)
        assert {name: after[name] for name in before if name != "latest"} == {
            name: what for name, what in before.items() if name != "latest"
        }
        assert all(verify(run) == [] for run in list_runs(parent))
        halves += after != before and after["latest"] == "run-0"
        publish_folder(parent, "run-1", "latest", writer("run-1"))
        assert public(parent) == public(tmp_path / "count")
        assert private(parent) == []
    assert halves > 0, "no kill fell between the two renames"


@pytest.mark.fault(3)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG])
def test_a_disk_that_fails_at_any_step_changes_nothing(tmp_path: Path, code: int) -> None:
    steps = number_of_steps(tmp_path / make(tmp_path, "count"))
    parent = tmp_path / make(tmp_path, "full")
    publish_folder(parent, "run-0", "latest", writer("run-0"))
    before = public(parent)

    def fail() -> None:
        raise OSError(code, os.strerror(code))

    for k in range(steps):
        with at_step(k, fail), pytest.raises(DiskError) as caught:
            publish_folder(parent, "run-1", "latest", writer("run-1"))
        assert caught.value.exit_code == 74
        assert public(parent) == before
        assert private(parent) == []


@pytest.mark.fault(3)
def test_a_file_size_limit_leaves_the_old_bytes(tmp_path: Path) -> None:
    publish_folder(tmp_path, "run-0", "latest", writer("run-0"))
    before = public(tmp_path)

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        publish_folder(tmp_path, "run-1", "latest", writer("run-1", size=100_000))

    assert outcome(fork(limited)) == 74
    assert public(tmp_path) == before
    assert private(tmp_path) == []


@pytest.mark.fault(3)
def test_a_full_disk_leaves_the_old_bytes(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from abm_scoring.errors import DiskError\n"
        "from tests.publish.helpers import private, public, writer\n"
        "from abm_scoring.publish.staged import publish_folder\n"
        "parent = Path(sys.argv[1])\n"
        "publish_folder(parent, 'run-0', 'latest', writer('run-0'))\n"
        "before = public(parent)\n"
        "try:\n"
        "    publish_folder(parent, 'run-1', 'latest', writer('run-1', size=1_000_000))\n"
        "except DiskError as error:\n"
        "    assert public(parent) == before and not private(parent)\n"
        "    sys.exit(error.exit_code)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}
    mount = 'mount -t tmpfs -o size=256k none "$0" || exit 99; exec "$@"'
    spaces = ["unshare --user --map-root-user --mount", "unshare --mount"]  # anybody's, and root's
    # Where no file system can be mounted, a limit of the same size stands in for it.
    shells = [[*space.split(), "sh", "-c", mount] for space in spaces] + [["sh", "-c", 'ulimit -f 512; exec "$@"']]
    for shell in (one for one in shells if shutil.which(one[0])):
        command = [*shell, str(tmp_path), sys.executable, "-c", script, str(tmp_path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        if done.returncode != 99 and "unshare:" not in done.stderr:
            break
    assert done.returncode == 74, done.stderr


@pytest.mark.fault(2)
def test_bytes_reach_the_disk_before_their_name_and_the_name_before_the_pointer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, str]] = []
    real_sync, real_rename, real_replace = os.fsync, os.rename, os.replace

    def sync(handle: int) -> None:
        calls.append(("fsync", os.readlink(f"/proc/self/fd/{handle}").rpartition("/")[2]))
        real_sync(handle)

    def rename(old: Path, new: Path) -> None:
        calls.append(("rename", Path(new).name))
        real_rename(old, new)

    def replace(old: Path, new: Path) -> None:
        calls.append(("replace", Path(new).name))
        real_replace(old, new)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "rename", rename)
    monkeypatch.setattr(os, "replace", replace)
    publish_folder(tmp_path, "run-1", "latest", writer("run-1"))
    files, tail = calls[:-4], calls[-4:]
    assert sorted(files[:-1]) == sorted(("fsync", n) for n in ("list.csv", "manifest.json", "scores.bin", "frozen"))
    assert files.index(("fsync", "scores.bin")) < files.index(("fsync", "frozen"))
    assert files[-1] == ("fsync", "run-1")
    assert tail == [("rename", "run-1"), ("fsync", tmp_path.name), ("replace", "latest"), ("fsync", tmp_path.name)]


@pytest.mark.fault(7)
def test_a_missing_output_folder_is_refused_before_computing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist") as caught:
        check_writable(tmp_path / "missing")
    assert caught.value.exit_code == 73
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="not a folder"):
        check_writable(tmp_path / "file")


@pytest.mark.fault(7)
def test_a_read_only_output_folder_is_refused_before_computing() -> None:
    parent = Path(tempfile.mkdtemp())
    computed = parent / "computed"

    def publish() -> None:
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        publish_folder(parent / "runs", "run-1", "latest", lambda folder: computed.touch())

    try:
        (parent / "runs").mkdir()
        (parent / "runs").chmod(0o555)
        parent.chmod(0o777)
        assert outcome(fork(publish)) == 73
        assert not computed.exists()
        assert list((parent / "runs").iterdir()) == []
    finally:
        shutil.rmtree(parent)


def test_a_writable_folder_is_left_as_it_was(tmp_path: Path) -> None:
    check_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_output_folder_is_made_one_level_deep(tmp_path: Path) -> None:
    make_output_folder(tmp_path / "runs")
    make_output_folder(tmp_path / "runs")
    assert stat.S_IMODE((tmp_path / "runs").stat().st_mode) & 0o007 == 0
    with pytest.raises(OutputError):
        make_output_folder(tmp_path / "missing" / "runs")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="not a folder"):
        make_output_folder(tmp_path / "file")


@pytest.mark.fault(8)
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_modes_do_not_depend_on_the_umask(tmp_path: Path, umask: int) -> None:
    old = os.umask(umask)
    try:
        folder = publish_folder(tmp_path, "run-1", "latest", writer("run-1"))
    finally:
        os.umask(old)
    for path in (folder, *folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o750 if path.is_dir() else 0o640), path


@pytest.mark.fault(10)
def test_nothing_is_moved_between_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporary folders elsewhere would make each rename fail with EXDEV; renames here refuse to leave the parent."""
    monkeypatch.setattr(tempfile, "tempdir", "/dev/shm")
    sources: list[Path] = []
    for name in ("rename", "replace"):
        real = getattr(os, name)

        def move(old: Path, new: Path, real: Callable[[Path, Path], None] = real) -> None:
            sources.append(Path(old))
            if tmp_path not in Path(old).parents:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            real(old, new)

        monkeypatch.setattr(os, name, move)
    publish_folder(tmp_path, "run-1", "latest", writer("run-1"))
    assert len(sources) == 2


@pytest.mark.fault(52)
def test_what_is_no_pointer_is_neither_followed_nor_replaced(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    with pytest.raises(ConfigError, match="no link"):
        publish_folder(tmp_path, "run-1", "latest", writer("run-1"))
    assert [p.name for p in tmp_path.iterdir()] == ["latest"]


@pytest.mark.fault(52)
def test_publishing_never_writes_through_the_pointer(tmp_path: Path) -> None:
    outside = tmp_path / make(tmp_path, "outside")
    parent = tmp_path / make(tmp_path, "runs")
    (parent / "latest").symlink_to(outside)
    publish_folder(parent, "run-1", "latest", writer("run-1"))
    assert list(outside.iterdir()) == []
    assert os.readlink(parent / "latest") == "run-1"


@pytest.mark.fault(1)
def test_sweeps_what_the_dead_left_and_nothing_else(tmp_path: Path) -> None:
    dead = tmp_path / f".tmp-{os.getpid()}-abcdefgh"  # our own id, used before by a process that is no more
    (dead / "run-1").mkdir(parents=True)
    (dead / "run-1" / "list.csv").touch()
    alive = tmp_path / ".tmp-1-ijklmnop"
    alive.mkdir()
    (tmp_path / ".tmp-cache").mkdir()
    (tmp_path / ".tmp-1-file").touch()
    (tmp_path / ".tmp-1-link").symlink_to(alive)
    handle = os.open(alive, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert sweep(tmp_path, ".tmp-") == 1
    finally:
        os.close(handle)
    assert private(tmp_path) == [".tmp-1-file", ".tmp-1-ijklmnop", ".tmp-1-link", ".tmp-cache"]
    assert sweep(tmp_path, ".tmp-") == 1
    assert not alive.exists()


def test_a_publication_under_way_is_not_swept(tmp_path: Path) -> None:
    def write(folder: Path) -> None:
        writer("run-1")(folder)

        def publish_another() -> None:
            publish_folder(tmp_path, "run-2", "latest", writer("run-2"))

        assert outcome(fork(publish_another)) == 0

    folder = publish_folder(tmp_path, "run-1", "latest", write)
    assert verify(folder) == []
    assert verify(tmp_path / "run-2") == []


@pytest.mark.parametrize("moment", ["before it is opened", "before it is locked"])
def test_a_workshop_that_is_swept_as_it_is_made_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    real = os.open
    opened: set[Path] = set()
    swept: list[Path] = []

    def slow_open(path: Path, *args: int, **where: int) -> int:
        opened.update([path] if ".tmp-" in str(path) else [])
        if len(opened) < 2 or swept:  # the first is made to see whether the folder can be written to
            return real(path, *args, **where)
        swept.append(path)
        handle = real(path, *args, **where) if moment == "before it is locked" else -1
        assert sweep(tmp_path, ".tmp-") == 1
        return handle if handle >= 0 else real(path, *args, **where)

    monkeypatch.setattr(staged.os, "open", slow_open)
    folder = publish_folder(tmp_path, "run-1", "latest", writer("run-1"))
    assert swept
    assert verify(folder) == []


def test_other_system_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), disk.disk_errors(tmp_path):
        raise BlockingIOError(errno.EAGAIN, "again")


def make(parent: Path, name: str) -> str:
    (parent / name).mkdir()
    return name
