"""Nights that nobody watches: dry runs, gates, runs, backfill, monitoring, signatures."""

from __future__ import annotations

import json
import resource
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from abm_scoring.cli.heartbeat import HEARTBEAT
from abm_scoring.jobs.workspace import SIGNING_KEY
from abm_scoring.learning.bundle import read_bundle, write_bundle
from abm_scoring.learning.signing import sign
from abm_scoring.publish.runs import read_manifest, verify
from abm_scoring.publish.staged import publish_folder
from tests.jobs.nights import frozen, score_on, scoring_folder
from tests.jobs.projects import quick, run, run_json
from tests.publish.helpers import fork, outcome, private, public

CSV = ["outputs.formats=[csv]"]
DAYS = ("2025-12-01", "2025-12-02", "2025-12-03")
#: Frozen columns that name the run itself.
OWN = ["run_id", "retrospective"]


@pytest.fixture(scope="module")
def out(trained_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scoring_folder(trained_project, tmp_path_factory.mktemp("nights") / "out")


@pytest.fixture(scope="module")
def nights(trained_project: Path, out: Path) -> list[dict[str, Any]]:
    return [score_on(trained_project, out, day, CSV) for day in DAYS]


def test_every_gate_stands_in_the_manifest_and_the_mark_names_the_last_night(
    out: Path, nights: list[dict[str, Any]]
) -> None:
    gates = read_manifest(Path(nights[1]["run"])).gates
    names = {"columns", "volume", "coverage", "freshness", "all_null", "finite", "mqa_flip", "golden_rows"}
    assert {gate.name for gate in gates} == names | {"model_age", "drift"}
    assert {gate.outcome for gate in gates} <= {"passed", "warned"}
    mark = json.loads((out / "runs" / "small" / "last_success").read_text())
    assert mark["run"] == Path(nights[-1]["run"]).name and mark["as_of"].startswith(DAYS[-1])


def test_a_dry_run_runs_the_gates_and_writes_nothing(trained_project: Path, out: Path, tmp_path: Path) -> None:
    before = public(out / "runs") if (out / "runs").exists() else {}
    found = run_json("score", trained_project, "--out", out, "--as-of", "2025-12-04", "--dry-run", *quick(CSV))
    assert not found["published"] and found["n_ranked"] > 0 and found["gates"]
    assert not Path(found["run"]).exists()
    assert (public(out / "runs") if (out / "runs").exists() else {}) == before


@pytest.mark.fault(23)
def test_a_table_that_shrank_is_refused_and_nothing_changes_until_it_is_accepted(
    trained_project: Path, out: Path, nights: list[dict[str, Any]], tmp_path: Path
) -> None:
    data = tmp_path / "project"
    shutil.copytree(trained_project.parent / "data", data / "data")
    config = Path(shutil.copy(trained_project, data / "abm.yaml"))
    out = Path(shutil.copytree(out, tmp_path / "out", symlinks=True))
    before = public(out / "runs")
    invoices = data / "data" / "invoices.csv"
    lines = invoices.read_text().splitlines(keepends=True)
    invoices.write_text("".join(lines[: len(lines) // 2]))
    night = ("score", config, "--out", out, "--as-of", "2025-12-04", *quick(CSV))
    code, _, err = run(*night)
    assert code == 65 and "volume: invoices fell from" in err and err.count("\n") == 1
    assert public(out / "runs") == before
    accepted = run_json(*night, "--accept-volume")
    assert {g["name"]: g["outcome"] for g in accepted["gates"]}["volume"] == "accepted"
    # `--strict` refuses what is only told otherwise: the newest event is a year old.
    late = ("score", config, "--out", out, "--as-of", "2026-12-02", *quick([*CSV, "gates.model_age.max_days=9999"]))
    code, _, err = run(*late, "--strict", "--accept-volume")
    assert code == 65 and "freshness: the newest event is" in err and "model_age:" in err


@pytest.mark.fault(1)
def test_a_second_run_of_a_night_changes_no_byte(
    trained_project: Path, out: Path, nights: list[dict[str, Any]]
) -> None:
    before = public(out / "runs" / "small")
    again = score_on(trained_project, out, DAYS[-1], CSV)
    after = public(out / "runs" / "small")
    assert again["run"] == nights[-1]["run"]
    assert {n: b for n, b in after.items() if n != "last_success"} == {
        n: b for n, b in before.items() if n != "last_success"
    }


def test_runs_are_listed_shown_and_verified(trained_project: Path, out: Path, nights: list[dict[str, Any]]) -> None:
    listed = run_json("runs", "list", trained_project, "--out", out)["runs"]
    assert [line["place"] for line in listed] == ["latest", "chain", "chain"]
    assert [line["run"] for line in listed] == [Path(n["run"]).name for n in reversed(nights)]
    code, shown, _ = run("runs", "show", trained_project, "latest", "--out", out)
    assert code == 0 and json.loads(shown)["run_id"] == listed[0]["run"]
    assert run("runs", "show", trained_project, "2025", "--out", out)[0] == 64  # several begin like this
    assert run_json("runs", "verify", trained_project, "--out", out)["runs"] == {line["run"]: [] for line in listed}


def test_an_altered_run_is_found(
    trained_project: Path, out: Path, nights: list[dict[str, Any]], tmp_path: Path
) -> None:
    copy = tmp_path / "out"
    shutil.copytree(out, copy, symlinks=True)
    name = Path(nights[0]["run"]).name
    listed = copy / "runs" / "small" / name / "target_accounts.csv"
    listed.write_bytes(listed.read_bytes().replace(b"1,", b"2,", 1))
    code, _, err = run("runs", "verify", trained_project, "--out", copy)
    assert code == 65 and f"{name}/target_accounts.csv: has other content" in err
    shutil.rmtree(copy / "runs" / "small" / name)
    assert run("runs", "verify", trained_project, "--out", copy)[0] == 66


def test_pruning_removes_renderings_only_and_the_ledger_goes_on(
    trained_project: Path, out: Path, nights: list[dict[str, Any]], tmp_path: Path
) -> None:
    copy = tmp_path / "out"
    shutil.copytree(out, copy, symlinks=True)
    done = run_json("runs", "prune", trained_project, "--keep", "2", "--out", copy)
    assert done["runs"] == [Path(nights[0]["run"]).name] and done["freed_bytes"] > 0
    folder = copy / "runs" / "small" / done["runs"][0]
    assert {p.suffix for p in folder.iterdir()} == {".parquet", ".json"} and verify(folder) == []
    assert (folder / "scores.parquet").read_bytes() == (Path(nights[0]["run"]) / "scores.parquet").read_bytes()
    assert run_json("runs", "prune", trained_project, "--keep", "2", "--out", copy) == {"runs": [], "freed_bytes": 0}
    (folder / "scores.parquet").unlink()
    assert verify(folder) == ["scores.parquet: is missing"]


@pytest.mark.fault(21)
def test_a_backfill_gives_what_the_nights_gave_and_goes_on_where_it_stopped(
    trained_project: Path, nights: list[dict[str, Any]], tmp_path: Path
) -> None:
    out = scoring_folder(trained_project, tmp_path / "out")
    args = ("backfill", trained_project, "--from", DAYS[0], "--out", out, *quick(CSV))
    assert run_json(*args, "--to", DAYS[1])["n_computed"] == 2
    found = run_json(*args, "--to", DAYS[2])
    assert (found["n_kept"], found["n_computed"]) == (2, 1)
    for nightly, late in zip(nights, found["runs"], strict=True):
        then, folder = Path(nightly["run"]), Path(late)
        assert (folder / "target_accounts.csv").read_bytes() == (then / "target_accounts.csv").read_bytes()
        assert (folder / "mqa_transitions.parquet").read_bytes() == (then / "mqa_transitions.parquet").read_bytes()
        pd.testing.assert_frame_equal(frozen(nightly).drop(columns=OWN), frozen({"run": late}).drop(columns=OWN))
        assert read_manifest(folder).retrospective
    assert not (out / "runs" / "small" / "latest").exists() and not (out / "runs" / "small" / "last_success").exists()
    assert any("no earlier run says which model" in w for w in read_manifest(Path(found["runs"][0])).warnings)


def test_a_backfill_backwards_is_a_wrong_command(trained_project: Path) -> None:
    assert run("backfill", trained_project, "--from", "2025-12-02", "--to", "2025-12-01")[0] == 64


def test_the_monitor_compares_with_training_and_with_what_came(
    trained_project: Path, out: Path, nights: list[dict[str, Any]], tmp_path: Path
) -> None:
    args = ("monitor", trained_project, "--out", out, *quick())
    found = run_json(*args)
    assert len(found["series"]) == len(nights) and found["cohorts"] == []
    names = [one["name"] for one in found["drift"]]
    assert len(names) == len(set(names)) > 50 and found["score_drift"]["psi"] > 0
    # Ninety days and fourteen on, what came of the first night is known: nobody, for the market ends before.
    later = run_json(*args, "--as-of", "2026-06-01", "--html", tmp_path / "page.html")
    (matured,) = later["cohorts"]
    assert matured["alarm"] is (matured["wins"] < matured["low"]) and matured["accounts"] > 100
    text = (tmp_path / "page.html").read_text()
    assert "Monitoring of small" in text and "<script" not in text
    if later["alarms"]:
        code, _, err = run(*args, "--as-of", "2026-06-01", "--strict")
        assert code == 66 and "alarms" in err


@pytest.mark.fault(42)
def test_with_a_key_only_models_signed_with_it_score(
    trained_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    shutil.copytree(trained_project.parent / "models", out / "models", symlinks=True)
    bundle = (out / "models" / "small" / "champion").resolve()
    night = ("score", trained_project, "--out", out, "--as-of", DAYS[0], "--dry-run", *quick(CSV))
    monkeypatch.setenv(SIGNING_KEY, "a key of the nights 0123456789")
    code, _, err = run(*night)
    assert code == 66 and "not signed" in err and "0123456789" not in err
    sign(bundle, b"another key of other nights")
    assert run(*night)[0] == 66
    sign(bundle, b"a key of the nights 0123456789")
    assert run(*night)[0] == 0
    manifest = bundle / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"rung"', b'"rung" ', 1))
    assert run(*night)[0] == 66
    monkeypatch.setenv(SIGNING_KEY, "short")
    assert run(*night)[0] == 78


def test_the_doctor_finds_what_is_wrong_and_says_how_to_mend_it(
    trained_project: Path, out: Path, tmp_path: Path
) -> None:
    checks = {c["name"]: c for c in run_json("doctor", trained_project, "--out", out)["checks"]}
    assert {c["outcome"] for c in checks.values()} <= {"ok", "warning"}
    broken = ("doctor", trained_project, "--out", tmp_path / "missing", "--set", "sources.accounts.path=gone.csv")
    code, found, _ = run(*broken, "--json")
    checks = {c["name"]: c for c in json.loads(found)["checks"]}
    assert code == checks["source accounts"]["exit_code"] == 66
    assert checks["output folder"]["outcome"] == checks["model"]["outcome"] == "failed"
    assert all(c["fix"] for c in checks.values() if c["outcome"] == "failed")
    assert run("doctor")[0] == 0


@pytest.mark.fault(4)
def test_a_disk_that_fills_while_a_model_is_written_leaves_the_champion(trained_project: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(trained_project.parent / "models" / "small", models, symlinks=True)
    bundle, before = read_bundle(models / "champion"), public(models)

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        publish_folder(models, "other", "champion", lambda draft: write_bundle(draft, bundle), apart=())

    assert outcome(fork(limited)) == 74
    assert public(models) == before and private(models) == []


@pytest.mark.fault(54)
def test_neither_contacts_nor_secrets_stand_in_what_a_night_leaves(
    trained_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contacts whose ids are addresses, a key and a heartbeat in the environment, and a source with broken rows."""
    project = tmp_path / "project"
    shutil.copytree(trained_project.parent / "data", project / "data")
    config = Path(shutil.copy(trained_project, project / "abm.yaml"))
    for name in ("contacts", "events"):
        file = project / "data" / f"{name}.parquet"
        frame = pd.read_parquet(file)
        frame["contact_id"] = frame["contact_id"].map(lambda one: f"{one}@person.example", na_action="ignore")
        frame.to_parquet(file, index=False)
    key, token, salt = "a secret key 0123456789abcdef", "hc-token-5f3a", "salt-of-the-tests-0123456789"
    monkeypatch.setenv("ABM_TEST_SALT", salt)
    monkeypatch.setenv(SIGNING_KEY, key)
    monkeypatch.setenv(HEARTBEAT, f"http://127.0.0.1:9/{token}")
    out = tmp_path / "out"
    shutil.copytree(trained_project.parent / "models", out / "models", symlinks=True)
    sign((out / "models" / "small" / "champion").resolve(), key.encode())
    args = ("score", config, "--out", out, "--as-of", DAYS[0], *quick(["outputs.formats=[csv, page]"]))
    code, _, refused = run(*args)
    assert code == 65 and "e-mail addresses" in refused and "person.example" not in refused
    args = (*args, "--set", "privacy.salt_env=ABM_TEST_SALT")
    code, said, logged = run("--log-format", "json", *args)
    assert code == 0, logged
    folder = (out / "runs" / "small" / "latest").resolve()
    texts = {p.name: p.read_text(encoding="utf-8") for p in folder.iterdir() if p.suffix != ".parquet"}
    for table in folder.glob("*.parquet"):
        texts[table.name] = pd.read_parquet(table).astype(str).to_csv()
    bad = project / "data" / "contacts.csv"
    bad.write_text("contact_id,account_id,known_at\nanna@person.example,nobody,yesterday\n")
    override = "sources.contacts={kind: csv, path: data/contacts.csv}"
    code, _, refused = run(*args, "--set", override)
    assert code == 65 and "contacts.known_at" in refused
    assert len(texts) >= 7
    for name, text in {**texts, "stdout": said, "stderr": logged, "refusal": refused}.items():
        for secret in ("person.example", key, token, salt):
            assert secret not in text, name
