"""Pulls against services that throttle, fail, fall silent and die: nothing is lost and nothing stands there twice."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abm_scoring.data.file_sources import ParquetSource
from abm_scoring.data.loading import load_tables
from abm_scoring.data.pulls.hubspot import HubSpotClient
from abm_scoring.data.pulls.pages import retry_after, safe_address
from abm_scoring.data.pulls.salesforce import SalesforceClient
from abm_scoring.data.pulls.spec import HubSpotPull, SalesforcePull
from abm_scoring.data.pulls.store import Pulled, pull
from abm_scoring.errors import AbmError, AccessError, ConfigError, MissingInputError, ServiceError
from tests.data.pulls.stubs import PATIENCE, HubSpotStub, SalesforceStub, Service, served

pytest.importorskip("hubspot")
pytest.importorskip("simple_salesforce")
NOW = datetime(2026, 2, 1, tzinfo=UTC)
SYSTEMS = ("hubspot", "salesforce")


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBSPOT_TOKEN", "hs-secret")
    monkeypatch.setenv("SALESFORCE_TOKEN", "sf-secret")


def service(system: str, n: int = 23) -> Service:
    """Companies of which each third changed at the same moment."""
    key, name = ("name", "numberofemployees") if system == "hubspot" else ("Name", "NumberOfEmployees")
    records = {
        str(100 + i): {key: f"Company {i}", name: 10 * i, "modified": f"2026-01-{1 + i // 3:02d}T10:00:00.000Z"}
        for i in range(n)
    }
    return (HubSpotStub if system == "hubspot" else SalesforceStub)(records)


def asked(system: str, url: str, monkeypatch: pytest.MonkeyPatch, **more: Any) -> tuple[Any, Any]:
    common = {"to": "x.parquet", "page_size": 4, "timeout_seconds": PATIENCE, "attempts": 3, **more}
    if system == "hubspot":
        common = {"object": "companies", "properties": ("name", "numberofemployees"), **common}
        spec = HubSpotPull(kind="hubspot", host=url, **common)
        return spec, HubSpotClient(spec, "pulls.x")
    monkeypatch.setenv("SALESFORCE_URL", url)
    salesforce = SalesforcePull(kind="salesforce", object="Account", fields=("Name", "NumberOfEmployees"), **common)
    return salesforce, SalesforceClient(salesforce, "pulls.x")


class Puller:
    """Pulls from one service into one file, and remembers how long it was told to wait."""

    def __init__(self, system: str, stub: Service, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.system, self.stub, self.file, self.monkeypatch = system, stub, folder / "x.parquet", monkeypatch
        self.waits: list[float] = []

    def __call__(self, full: bool = False, **more: Any) -> Pulled:
        spec, client = asked(self.system, self.stub.url, self.monkeypatch, **more)
        return pull("x", spec, client, self.file, NOW, full, self.waits.append)

    def records(self) -> dict[str, dict[str, Any]]:
        rows = pq.read_table(self.file).to_pylist()
        key = "id" if self.system == "hubspot" else "Id"
        assert len({r[key] for r in rows}) == len(rows)
        names = ("name", "numberofemployees") if self.system == "hubspot" else ("Name", "NumberOfEmployees")
        return {r[key]: {n: r[n] for n in names} for r in rows}

    def truth(self) -> dict[str, dict[str, Any]]:
        live = {i: r for i, r in self.stub.records.items() if not r.get("IsDeleted")}
        return {i: {n: str(v) for n, v in r.items() if n not in ("modified", "IsDeleted")} for i, r in live.items()}


@pytest.mark.parametrize("system", SYSTEMS)
def test_throttling_failures_and_silence_are_waited_for(
    system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = service(system)
    stub.faults = {1: "throttle", 3: "fail", 4: "fail", 6: "silence"}
    with served(stub):
        puller = Puller(system, stub, tmp_path, monkeypatch)
        done = puller()
    assert puller.records() == puller.truth()
    assert (done.records, done.fetched, done.pages, done.resumed) == (23, 23, 6, False)
    assert puller.waits == [7.0, 1.0, 2.0, 1.0]
    assert stub.tokens == {"Bearer hs-secret" if system == "hubspot" else "Bearer sf-secret"}
    assert stat.S_IMODE(puller.file.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["x.parquet"]


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("dead", [1, 3, 5])
def test_a_pull_that_broke_off_goes_on_without_loss_or_repeats(
    system: str, dead: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = service(system)
    stub.die_at = dead
    with served(stub):
        puller = Puller(system, stub, tmp_path, monkeypatch)
        with pytest.raises(ServiceError, match="gave up after 3 attempts"):
            puller()
        assert not puller.file.exists()
        stub.die_at, before = 10**9, len(stub.asked)
        done = puller()
        assert (done.resumed, done.fetched, done.pages) == (True, 23, 6)
        assert len(stub.asked) - before == 6 - dead
    assert puller.records() == puller.truth()


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_next_pull_asks_for_changes_only(system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = service(system)
    name = "name" if system == "hubspot" else "Name"
    with served(stub):
        puller = Puller(system, stub, tmp_path, monkeypatch)
        puller()
        stub.records["101"] |= {name: "Renamed", "modified": "2026-02-02T09:00:00.000Z"}
        for i in range(9):  # more than two pages of one moment
            stub.records[f"2{i:02d}"] = {
                **stub.records["102"],
                name: f"New {i}",
                "modified": "2026-02-02T10:00:00.000Z",
            }
        done = puller()
        assert puller.records() == puller.truth()
        assert done.since == "2026-01-08T09:50:00.000Z"
        assert 12 <= done.fetched < 23
        stub.records["103"] |= {name: "While it was read", "modified": "2026-02-02T11:00:00.000Z"}
        stub.die_at = len(stub.asked) + 1
        with pytest.raises(ServiceError):
            puller()
        stub.records["104"] |= {name: "After it broke off", "modified": "2026-02-02T12:00:00.000Z"}
        stub.die_at = 10**9
        assert puller().resumed
    assert puller.records() == puller.truth()


def test_deleted_records_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for system in SYSTEMS:
        stub = service(system)
        folder = tmp_path / system
        folder.mkdir()
        with served(stub):
            puller = Puller(system, stub, folder, monkeypatch)
            puller()
            if system == "hubspot":
                del stub.records["105"]
            else:
                stub.records["105"] |= {"IsDeleted": True, "modified": "2026-02-02T09:00:00.000Z"}
            puller(full=system == "hubspot")
        assert puller.records() == puller.truth()
        assert "105" not in puller.records()


def test_other_fields_mean_everything_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = service("hubspot")
    with served(stub):
        puller = Puller("hubspot", stub, tmp_path, monkeypatch)
        puller()
        stub.die_at = len(stub.asked) + 2
        with pytest.raises(ServiceError):
            puller(properties=("name",), full=True)
        stub.die_at = 10**9
        done = puller(properties=("name", "numberofemployees", "domain"))
    assert (done.since, done.resumed, done.fetched) == (None, False, 23)
    assert "domain" in pq.read_table(puller.file).column_names


def test_deals_get_their_primary_company_and_load_with_the_preset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = "2026-01-05T10:00:00.000Z"
    deal = {"dealstage": "closedwon", "createdate": at, "closedate": at, "amount": "99.5", "modified": at}
    stub = HubSpotStub({"1": deal, "2": {**deal, "dealstage": "open"}})
    with served(stub):
        names = ("dealstage", "createdate", "closedate", "amount")
        Puller("hubspot", stub, tmp_path, monkeypatch)(object="deals", properties=names, companies=True)
    deals = {"kind": "parquet", "path": "x.parquet", "preset": "hubspot.deals"}
    sources = {
        "accounts": ParquetSource.model_validate({"path": "a.parquet"}),
        "opportunities": ParquetSource.model_validate(deals),
    }
    pq.write_table(pa.table({"account_id": ["71", "72"]}), tmp_path / "a.parquet")
    found = load_tables(sources, tmp_path).tables["opportunities"].sort_values("opportunity_id")
    assert found["account_id"].tolist() == ["71", "72"]
    assert found["is_won"].fillna(False).tolist() == [True, False]
    assert found["amount"].tolist() == [99.5, 99.5]


@pytest.mark.parametrize("system", SYSTEMS)
def test_refusals_say_what_to_do_and_no_secret(system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = service(system)
    stub.faults = {0: "refuse"}
    with served(stub), pytest.raises(AccessError) as refused:
        Puller(system, stub, tmp_path, monkeypatch)()
    assert "secret" not in str(refused.value)
    for variable in ("HUBSPOT_TOKEN", "SALESFORCE_TOKEN"):
        monkeypatch.delenv(variable)
    with pytest.raises(MissingInputError, match="is not set"):
        Puller(system, stub, tmp_path, monkeypatch)()


def test_tokens_go_over_https_only() -> None:
    assert safe_address("https://api.hubapi.com", "x") == "https://api.hubapi.com"
    for bad in ("http://api.hubapi.com", "ftp://127.0.0.1", "api.hubapi.com", "http://127.0.0.1.evil.com"):
        with pytest.raises(ConfigError):
            safe_address(bad, "x")


def test_retry_after_is_seconds_or_a_date() -> None:
    assert retry_after({"Retry-After": "12"}) == 12
    date = {"retry-after": "Sun, 01 Feb 2026 00:00:30 GMT"}
    assert retry_after({**date, "Date": "Sun, 01 Feb 2026 00:00:00 GMT"}) == 30
    assert retry_after(date) is None
    assert retry_after({"Retry-After": "soon"}) is None
    assert retry_after(None) is None


def test_a_file_of_something_else_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.parquet").write_text("mine")
    with served(service("hubspot")) as stub, pytest.raises(AbmError, match="no intact Parquet"):
        Puller("hubspot", stub, tmp_path, monkeypatch)()
    assert (tmp_path / "x.parquet").read_text() == "mine"
