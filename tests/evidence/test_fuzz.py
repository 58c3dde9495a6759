"""A thousand broken configurations and a thousand broken CSV files: one line, a documented code, no wrong numbers.

Writes docs/evidence/fuzz.md.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.jobs.projects import run

EXAMPLES = 1000
PAGE = Path(__file__).resolve().parents[2] / "docs" / "evidence" / "fuzz.md"
DOCUMENTED = {0, 64, 65, 66, 69, 71, 73, 74, 75, 77, 78}
CONFIG = """project: {name: tiny, timezone: Europe/Berlin, language: de}
sources:
  accounts: {kind: csv, path: accounts.csv}
  events: {kind: csv, path: events.csv, timezone: UTC, on_violation: reject, max_reject_share: 0.5}
label: {kind: opportunity_won, horizon_days: 90}
scoring: {reasons: 3, mqa: {threshold: {kind: fixed, enter: 90, leave: 60}}}
gates: {volume: {min_share: 0.5}}
"""
ACCOUNTS = "account_id,sector,employee_count\n001,pharma,10\n002,steel,\n003,pharma,1200\n"
EVENTS = (
    "account_id,occurred_at,event_type,minutes\n001,2026-01-05T10:00:00,web_visit,1.5\n002,2026-01-06T10:00:00,call,3\n"
)
seen: dict[str, Counter[int]] = {"configurations": Counter(), "CSV files": Counter()}


def mutated(draw: st.DrawFn, text: str) -> bytes:
    """A text with a few characters or lines removed, doubled, moved or replaced, perhaps in a wrong encoding."""
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(text) - 1, 0)))
        length = draw(st.integers(0, 12))
        put = draw(
            st.one_of(
                st.text(max_size=8),
                st.sampled_from(
                    [":", "{", "[", "&a", "*a", "!!python/object", "\t", "-", "\0", '"', ",", ";", "\n", "1e999"]
                ),
                st.just(text[at : at + length] * 2),
            )
        )
        text = text[:at] + put + text[at + length :]
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-16", "cp1251"]))
    return text.encode(encoding, "replace")


@st.composite
def broken(draw: st.DrawFn, text: str) -> bytes:
    return mutated(draw, text)


def project(folder: Path, config: bytes = CONFIG.encode(), accounts: bytes = b"", events: bytes = b"") -> Path:
    (folder / "accounts.csv").write_bytes(accounts or ACCOUNTS.encode())
    (folder / "events.csv").write_bytes(events or EVENTS.encode())
    (folder / "tiny.yaml").write_bytes(config)
    return folder / "tiny.yaml"


def looked_at(kind: str, *args: str | Path) -> tuple[int, str]:
    code, out, err = run(*args)
    seen[kind][code] += 1
    assert code in DOCUMENTED, (code, err)
    assert "Traceback" not in err and "this is a bug" not in err
    assert code == 0 or err.strip()
    return code, out


FEW = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)


@pytest.mark.evidence
@FEW
@given(config=broken(CONFIG))
def test_a_broken_configuration_is_refused_in_words(tmp_path_factory: pytest.TempPathFactory, config: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    folder.mkdir(exist_ok=True)
    looked_at("configurations", "config", "show", project(folder, config=config))


@pytest.mark.evidence
@FEW
@given(accounts=broken(ACCOUNTS), events=broken(EVENTS))
def test_a_broken_csv_is_refused_or_read_as_it_stands(
    tmp_path_factory: pytest.TempPathFactory, accounts: bytes, events: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    folder.mkdir(exist_ok=True)
    config = project(folder, accounts=accounts, events=events)
    code, out = looked_at("CSV files", "check", config, "--as-of", "2026-02-01", "--json")
    if code:
        return
    # Read without complaint: then every line of the file is accounted for, and its ids stand in it as text.
    report = json.loads(out)["tables"]["accounts"]
    assert report["rows_in"] == report["accepted"] + report["rejected"] + report["duplicates"]
    plain = pd.read_csv(folder / "accounts.csv", dtype=str, keep_default_na=False, encoding="utf-8-sig")
    assert report["rows_in"] == len(plain) and plain["account_id"].is_unique


@pytest.mark.evidence
def test_what_was_seen_is_written_down() -> None:
    rows = "".join(
        f"| {kind} | {sum(codes.values())} | {', '.join(f'{c}: {n}' for c, n in sorted(codes.items()))} |\n"
        for kind, codes in seen.items()
    )
    PAGE.write_text(
        "# Fuzzing\n\nA small project whose configuration or CSV files are mutated at random: characters and lines\n"
        "removed, doubled, replaced, or written in another encoding. Each must end with a documented code and words,\n"
        "never with a traceback; what is read without complaint must account for every row.\n"
        "`make evidence` writes this page.\n\n"
        f"| input | tried | exit codes |\n|---|---|---|\n{rows}",
        encoding="utf-8",
    )
    assert all(sum(codes.values()) >= EXAMPLES for codes in seen.values())
