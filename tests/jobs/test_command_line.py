"""Exit codes, one-line messages, and help of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.jobs.projects import run

CONFIG = """project: {name: tiny}
sources:
  accounts: {kind: csv, path: accounts.csv}
  events: {kind: csv, path: events.csv, timezone: UTC}
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    (tmp_path / "accounts.csv").write_text("account_id,sector\n001,pharma\n002,steel\n")
    (tmp_path / "events.csv").write_text("account_id,occurred_at,event_type\n001,2026-01-05T10:00:00,web_visit\n")
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    return tmp_path / "tiny.yaml"


@pytest.mark.parametrize("args", [("nonsense",), ("score",), ("score", "--as-of"), ("demo", "--accounts", "many")])
def test_a_wrong_command_line_is_64(args: tuple[str, ...]) -> None:
    code, out, err = run(*args)
    assert (code, out) == (64, "") and err.count("\n") == 1


@pytest.mark.fault(50)
def test_a_typo_in_the_config_is_78_with_its_line_and_the_right_word(tiny: Path) -> None:
    tiny.write_text(CONFIG.replace("timezone", "timezon"))
    code, out, err = run("check", tiny)
    assert (code, out) == (78, "")
    assert "tiny.yaml:4" in err and 'did you mean "timezone"' in err


def test_bad_data_are_65_and_all_listed(tiny: Path) -> None:
    (tiny.parent / "accounts.csv").write_text("account_id,employee_count\n001,many\n001,-5\n,7\n")
    code, out, err = run("check", tiny)
    assert code == 65 and "accounts" in out  # the report is shown first, then what a run would be refused for
    for rule in ("employee_count", "account_id"):
        assert rule in err


@pytest.mark.fault(13)
@pytest.mark.fault(20)
def test_future_events_are_refused_today_and_merely_later_under_as_of(tiny: Path) -> None:
    (tiny.parent / "events.csv").write_text("account_id,occurred_at,event_type\n001,2099-01-05T10:00:00,web_visit\n")
    code, _, err = run("check", tiny)
    assert code == 65 and "lie at or after" in err and "clock" in err
    assert run("check", tiny, "--as-of", "2026-02-01")[0] == 0
    code, _, err = run("check", tiny, "--set", "checks.max_future_share=1")
    assert code == 0 and "are left out" in err


def test_a_missing_config_is_66(tmp_path: Path) -> None:
    assert run("check", tmp_path / "no.yaml")[0] == 66


@pytest.mark.fault(52)
def test_a_path_out_of_the_project_is_78(tiny: Path) -> None:
    tiny.write_text(CONFIG.replace("path: accounts.csv", "path: ../accounts.csv"))
    assert run("check", tiny)[0] == 78


@pytest.mark.fault(38)
def test_foreign_amounts_without_a_rate_are_65(tiny: Path) -> None:
    tiny.write_text(CONFIG + "  opportunities: {kind: csv, path: deals.csv, timezone: UTC}\n")
    (tiny.parent / "deals.csv").write_text(
        "opportunity_id,account_id,created_at,amount,currency\no1,001,2026-01-02T00:00:00,5,USD\n"
    )
    code, _, err = run("check", tiny)
    assert code == 65 and "USD on 2026-01-02" in err and "exchange_rates" in err


def test_init_writes_a_config_that_loads_and_never_overwrites(tmp_path: Path) -> None:
    assert run("init", tmp_path, "--name", "mine")[0] == 0
    text = (tmp_path / "abm.yaml").read_text()
    code, out, _ = run("config", "show", tmp_path / "abm.yaml")
    assert code == 0 and "horizon_days: 90" in out and "name: mine" in out
    assert run("init", tmp_path)[0] == 73
    assert (tmp_path / "abm.yaml").read_text() == text


@pytest.mark.parametrize("command", ["init", "demo", "check", "train", "score"])
def test_every_command_has_help_with_an_example(command: str) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0 and "Example" in out and "abm-scoring" in out


def test_nothing_to_rank_is_said_in_one_line(tiny: Path) -> None:
    code, _, err = run("train", tiny, "--as-of", "2026-02-01", "--set", "tracking.kind=none")
    assert code in (0, 65)
    assert "Traceback" not in err
