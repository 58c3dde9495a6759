"""One market, exported as offices of five countries would: the proposals read each back to the same canonical tables."""

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


#: The encoding of older Romanian files has letters with a cedilla in the place of a comma.
CEDILLA, DEALS_CEDILLA = (
    {ours: name.translate(str.maketrans("șțȘȚ", "şţŞŢ")) for ours, name in names.items()}
    for names in (ROMANIAN, DEALS_RO)
)
#: How a company's name is written with signs that all of the encodings hold, and none of them in the place of another.
SIGNS = ("«{}»", "{} – Nord", "{}®", "„{}“", "{} © 1991", "{} · €", "{}’s", "{}… §")
#: Names with the letters of their country; which of them an encoding holds is for the encoding to say.
OWN = (
    "Müller & Söhne GmbH", "Bäckerei Groß KG", "Österreichische Übersee-Handel AG", "Société Générale d’Énergie", "Compañía Peñafiel S.A.",
    "ООО «Ромашка»", "Завод имени Ёлкина", "АО Южный подъезд", "Щёлковский цех № 7", "Știință și Tehnică S.R.L.", "Țesătoria Brașov S.A.",
    "Îmbrăcăminte Vâlcea SRL", "Żabka Łódź Sp. z o.o.", "Česká Škoda a.s.",
)  # fmt: skip


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    tables = make_market(MarketSpec(accounts=300, seed=11, events_per_account=2)).tables
    accounts = tables["accounts"].drop_duplicates("account_id", keep="last")[list(ENGLISH)]
    signs = [SIGNS[at % len(SIGNS)] for at in range(len(accounts))]
    named = [s if s != s else sign.format(s) for s, sign in zip(accounts["account_name"], signs, strict=True)]
    accounts = accounts.assign(
        account_name=pd.Series(named, accounts.index, dtype="str"), customer_since=_days(accounts["customer_since"])
    )
    deals = tables["opportunities"].drop_duplicates("opportunity_id", keep="last")[DEALS]
    deals = deals.assign(created_at=_days(deals["created_at"]), closed_at=_days(deals["closed_at"]))
    return {"accounts": accounts.reset_index(drop=True), "opportunities": deals.reset_index(drop=True)}


def held(name: str, encoding: str) -> str:
    """A name in an encoding: letters that it lacks without their accents or in Latin, all others as they are."""
    return "".join(c if _holds(c, encoding) else fold(c) for c in name)


def _holds(letter: str, encoding: str) -> bool:
    try:
        letter.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


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
    "ro-1250": ("cp1250", ";", "%d.%m.%Y", _separated(".", ","), CEDILLA, DEALS_CEDILLA),
}
ALL = [*OFFICES, "ro"]


def exported(frames: dict[str, pd.DataFrame], office: str, folder: Path) -> None:
    """Writes accounts, and opportunities where there are any, as an office does."""
    for at, (table, frame) in enumerate(frames.items()):
        if office == "ro":
            _workbook(frame, folder / ("clienti.xlsx", "oportunitati.xlsx")[at], (ROMANIAN, DEALS_RO)[at])
            continue
        encoding, sep, day, number, *names = OFFICES[office]
        _write(frame, folder / f"{table}.csv", names[at], encoding, sep, day, number)


def proposed(folder: Path) -> Loaded:
    """Every file of a folder loaded by what `init --from` proposes for it, unchanged."""
    source: TypeAdapter[Source] = TypeAdapter(Source)
    sources = {}
    for file in sorted(folder.iterdir()):
        proposal = propose(file, folder, "UTC")
        spec = yaml.safe_load("\n".join(proposal.yaml(0)))
        sources[proposal.table] = source.validate_python(spec)
    return load_tables(sources, folder)


@pytest.mark.parametrize("office", ALL)
def test_each_office_gives_the_same_tables(frames: dict[str, pd.DataFrame], tmp_path: Path, office: str) -> None:
    exported(frames, office, tmp_path)
    loaded = proposed(tmp_path)
    for name, frame in frames.items():
        found = loaded.tables[name]
        pd.testing.assert_frame_equal(found[list(frame)], frame)


@pytest.mark.parametrize("office", ALL)
def test_each_office_keeps_its_own_letters(frames: dict[str, pd.DataFrame], tmp_path: Path, office: str) -> None:
    encoding = OFFICES[office][0] if office in OFFICES else "utf-8"
    accounts = frames["accounts"]
    written = [held(OWN[at % len(OWN)], encoding) for at in range(len(accounts))]
    own = accounts.assign(account_name=pd.Series(written, dtype="str"))
    original = tmp_path / "original.csv"
    own.to_csv(original, index=False, encoding="utf-8")
    (tmp_path / "theirs").mkdir()
    exported({"accounts": own}, office, tmp_path / "theirs")
    found = proposed(tmp_path / "theirs").tables["accounts"]
    pd.testing.assert_frame_equal(found[list(own)], own)
    assert found["account_name"].tolist() == pd.read_csv(original, dtype="str")["account_name"].tolist()
    letters = {c for name in found["account_name"] for c in name if not c.isascii()}
    assert letters >= LETTERS[office]


#: What must have come through, so that no office may pass by writing ASCII only.
_EVERY = set("äöüßÖÜéñíÉЮжыёЩц№șțăâÎȚóŁŻČŠ«»’")
LETTERS = {
    "en-US": _EVERY,
    "utf-16": _EVERY,
    "ro": _EVERY,
    "de": set("äöüßÖÜéñíÉâÎóŠ«»’"),
    "ru": set("ЮжыёЩцОА№«»’"),
    "ro-1250": set("äöüßÖÜăâÎóŁŻČŠ«»’"),
}
