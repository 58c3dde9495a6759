"""One market, exported as five offices would: the proposals read each export back to the same canonical tables."""

# ruff: noqa: E501, RUF005 - exports are wider than code
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import yaml
from pydantic import TypeAdapter

from abm_scoring.data.loading import Loaded, load_tables
from abm_scoring.data.market.market import make_market
from abm_scoring.data.market.spec import MarketSpec
from abm_scoring.data.matching.names import fold
from abm_scoring.data.proposal import propose
from abm_scoring.data.sources import Source

#: Our column → what the office calls it.
ENGLISH = {
    "account_id": "Account ID", "account_name": "Company", "domain": "Website", "sector": "Industry", "employee_count": "Employees",
    "annual_revenue": "Annual revenue", "country": "Country", "customer_since": "Customer since",
}  # fmt: skip
GERMAN = dict(
    zip(
        ENGLISH,
        ["Kundennummer", "Firma", "Webseite", "Branche", "Mitarbeiter", "Umsatz", "Land"] + ["Kunde seit"],
        strict=True,
    )
)
RUSSIAN = dict(
    zip(ENGLISH, ["Счёт", "Название", "Сайт", "Отрасль", "Сотрудники", "Выручка", "Страна"] + ["Клиент с"], strict=True)
)
ROMANIAN = dict(
    zip(
        ENGLISH,
        ["Cont", "Nume", "Site", "Industrie", "Angajați", "Cifra de afaceri", "Țara", "Client din"],
        strict=True,
    )
)
DEALS = ["opportunity_id", "account_id", "created_at", "closed_at", "is_won", "amount"]
DEALS_EN = dict(zip(DEALS, ["Deal ID", "Account ID", "Created on", "Closed on", "Won", "Amount"], strict=True))
DEALS_DE = dict(
    zip(DEALS, ["Verkaufschance", "Kundennummer", "Erstellt am", "Abgeschlossen am", "Gewonnen", "Betrag"], strict=True)
)
DEALS_RU = dict(zip(DEALS, ["Сделка", "Счёт", "Дата создания", "Дата закрытия", "Выиграно", "Сумма"], strict=True))
DEALS_RO = dict(
    zip(DEALS, ["Oportunitate", "Cont", "Data creării", "Data închiderii", "Câștigat", "Valoare"], strict=True)
)


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    tables = make_market(MarketSpec(accounts=300, seed=11, events_per_account=2)).tables
    accounts = tables["accounts"].drop_duplicates("account_id", keep="last")[list(ENGLISH)]
    # Only letters that every encoding has, but some that need one.
    accounts = accounts.assign(
        account_name=accounts["account_name"].map(fold), customer_since=_days(accounts["customer_since"])
    )
    deals = tables["opportunities"].drop_duplicates("opportunity_id", keep="last")[DEALS]
    deals = deals.assign(created_at=_days(deals["created_at"]), closed_at=_days(deals["closed_at"]))
    return {"accounts": accounts.reset_index(drop=True), "opportunities": deals.reset_index(drop=True)}


def _days(times: pd.Series) -> pd.Series:
    return times.dt.floor("D")


def _write(
    frame: pd.DataFrame,
    path: Path,
    names: dict[str, str],
    encoding: str,
    sep: str,
    day: str,
    number: Callable[[float], str],
) -> None:
    shown = frame.copy()
    for column in shown:
        kind = str(shown[column].dtype)
        if kind.startswith("datetime"):
            shown[column] = shown[column].dt.strftime(day)
        elif kind == "float64":
            shown[column] = [None if v != v else number(v) for v in shown[column]]
    shown.rename(columns=names).to_csv(path, index=False, sep=sep, encoding=encoding)


def _separated(thousands: str, decimal: str) -> Callable[[float], str]:
    return lambda v: f"{v:,.2f}".replace(",", "\0").replace(".", decimal).replace("\0", thousands)


def _workbook(frame: pd.DataFrame, path: Path, names: dict[str, str]) -> None:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.append(["Export"])
    page.append([names[c] for c in frame])
    for row in frame.itertuples(index=False):
        page.append(
            [
                None if pd.isna(v) else v.tz_localize(None).to_pydatetime() if isinstance(v, pd.Timestamp) else v
                for v in row
            ]
        )
    page.append(["Total"] + [None] * (len(frame.columns) - 1))
    book.save(path)


OFFICES = {
    "en-US": ("utf-8", ",", "%m/%d/%Y", _separated(",", "."), ENGLISH, DEALS_EN),
    "de": ("cp1252", ";", "%d.%m.%Y", _separated(".", ","), GERMAN, DEALS_DE),
    "ru": ("cp1251", ";", "%d.%m.%Y", _separated("\u00a0", ","), RUSSIAN, DEALS_RU),
    "utf-16": ("utf-16", "\t", "%Y-%m-%d", lambda v: repr(v), ENGLISH, DEALS_EN),
}


def proposed(folder: Path) -> Loaded:
    """Every file of a folder loaded by what `init --from` proposes for it, unchanged."""
    source: TypeAdapter[Source] = TypeAdapter(Source)
    sources = {}
    for file in sorted(folder.iterdir()):
        proposal = propose(file, folder, "UTC")
        spec = yaml.safe_load("\n".join(proposal.yaml(0)))
        sources[proposal.table] = source.validate_python(spec)
    return load_tables(sources, folder)


@pytest.mark.parametrize("office", [*OFFICES, "ro"])
def test_each_office_gives_the_same_tables(frames: dict[str, pd.DataFrame], tmp_path: Path, office: str) -> None:
    if office == "ro":
        _workbook(frames["accounts"], tmp_path / "clienti.xlsx", ROMANIAN)
        _workbook(frames["opportunities"], tmp_path / "oportunitati.xlsx", DEALS_RO)
    else:
        encoding, sep, day, number, names, deals = OFFICES[office]
        _write(frames["accounts"], tmp_path / "accounts.csv", names, encoding, sep, day, number)
        _write(frames["opportunities"], tmp_path / "deals.csv", deals, encoding, sep, day, number)
    loaded = proposed(tmp_path)
    for name, frame in frames.items():
        found = loaded.tables[name]
        pd.testing.assert_frame_equal(found[list(frame)], frame)
