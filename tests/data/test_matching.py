"""Matching on dirtied names and domains whose truth is known, and each rule by a small example."""

from __future__ import annotations

import random
from pathlib import Path

import pandas as pd
import pytest

from abm_scoring.data.file_sources import CsvSource
from abm_scoring.data.loading import load_tables
from abm_scoring.data.market.market import make_market
from abm_scoring.data.market.spec import MarketSpec
from abm_scoring.data.matching import similar
from abm_scoring.data.matching.domains import email_domains, registrable_domain
from abm_scoring.data.matching.names import name_key
from abm_scoring.data.matching.proposals import account_proposals
from abm_scoring.data.matching.similar import most_similar
from abm_scoring.data.matching.spec import MatchingSpec
from abm_scoring.data.matching.tables import Matches, matched
from abm_scoring.data.tables import Tables
from abm_scoring.errors import BadDataError

HERE = Path(".")


def frame(**columns: list[str | None]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(values, dtype="str") for name, values in columns.items()})


def match(
    accounts: pd.DataFrame, contacts: pd.DataFrame, spec: MatchingSpec | None = None, root: Path = HERE
) -> tuple[list[str | None], Matches]:
    frames, done, _ = matched({"accounts": accounts, "contacts": contacts}, spec or MatchingSpec(), root)
    ids = frames["contacts"]["account_id"]
    return [None if pd.isna(i) else str(i) for i in ids], done


def dirtied(name: str, domain: str, rng: random.Random) -> tuple[str, str | None, str | None]:
    """A company as somebody else wrote it: name, e-mail or nothing, web address or nothing."""
    words = name.split()
    way = rng.randrange(7)
    if way == 0:
        written = name.upper()
    elif way == 1:
        written = " ".join(words[:-1]) or name
    elif way == 2:
        written = f"{' '.join(words[:-1])}, {rng.choice(['Ltd.', 'GmbH & Co. KG', 'S.A.', 'Inc'])}"
    elif way == 3:  # a typing error: two letters change places
        at = rng.randrange(1, max(2, len(name.split()[0]) - 2))
        written = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    elif way == 4:  # a letter is lost
        at = rng.randrange(1, len(words[0]))
        written = name[:at] + name[at + 1 :]
    elif way == 5:
        written = f"  {name.replace(' ', '  ')} "
    else:
        written = name.translate(str.maketrans("aeou", "áéöü"))
    known = rng.random()
    email = f"someone@mail.{domain}" if known < 0.25 else "somebody@gmail.com" if known < 0.45 else None
    web = f"https://www.{domain}/de/start?x=1" if 0.45 <= known < 0.6 else None
    return written, email, web


@pytest.fixture(scope="module")
def market_accounts() -> pd.DataFrame:
    accounts = make_market(MarketSpec(accounts=700, seed=21, events_per_account=1)).tables["accounts"]
    return accounts.drop_duplicates("account_id", keep="last").reset_index(drop=True)


def test_automatic_matches_are_right_and_most_are_made(market_accounts: pd.DataFrame) -> None:
    rng = random.Random(4)
    known = market_accounts[market_accounts["account_name"].notna() & market_accounts["domain"].notna()]
    # A fifth of the companies are no accounts of ours: whoever is matched to one is wrong.
    ours = known.sample(frac=0.8, random_state=1)
    rows = [(a.account_id, *dirtied(a.account_name, a.domain, rng)) for a in known.itertuples() for _ in range(2)]
    truth = [i if i in set(ours["account_id"]) else None for i, *_ in rows]
    contacts = frame(
        contact_id=[f"P{n}" for n in range(len(rows))],
        company_name=[r[1] for r in rows],
        email=[r[2] for r in rows],
        web_domain=[r[3] for r in rows],
    )
    found, done = match(ours.reset_index(drop=True), contacts)
    right = sum(f is not None and f == t for f, t in zip(found, truth, strict=True))
    made = sum(f is not None for f in found)
    possible = sum(t is not None for t in truth)
    assert right / made >= 0.99
    assert right / possible >= 0.90
    assert set(done.counts["contacts"]) >= {"email", "domain", "name", "similar_name"}


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Müller & Söhne GmbH & Co. KG", "MUELLER UND SOEHNE"),
        ("ООО «Ромашка»", "Romashka OOO"),
        ("Știință S.R.L.", "SC Stiinta SRL"),
        ("Żabka Polska Sp. z o.o.", "Zabka Polska"),
        ("The Acme Company, Inc.", "acme"),
    ],
)
def test_spellings_of_one_name_have_one_key(one: str, two: str) -> None:
    assert name_key(one) == name_key(two) != ""


def test_names_that_differ_keep_their_difference() -> None:
    keys = {name_key(n) for n in ("Acme Foods", "Acme Freight", "Acme 2", "Acme 3", "Acme", "AG")}
    assert len(keys) == 6


def test_domains_are_those_that_can_be_registered() -> None:
    assert registrable_domain("https://Shop.acme.co.uk:443/x?y") == "acme.co.uk"
    assert registrable_domain("mail.acme.example") == "acme.example"
    assert registrable_domain("192.0.2.1") is None
    assert registrable_domain("münchen.de") == "xn--mnchen-3ya.de"
    mails = pd.Series(["A@Mail.Acme.com", "b@gmail.com", "broken", None, "c@intern.example"], dtype="str")
    found = email_domains(mails, shared=["intern.example"])
    assert found[0] == "acme.com"
    assert found[1:].isna().all()


def test_shared_domains_follow_the_stated_order() -> None:
    accounts = frame(
        account_id=["H", "S", "T", "X", "Y"],
        account_name=["Group", "Sub", "Tub", "Ex", "Why"],
        domain=["group.com", "sub.group.com", "group.com", "both.com", "both.com"],
        parent_account_id=[None, "H", "H", None, None],
    )
    contacts = frame(
        contact_id=["1", "2", "3", "4", "5"],
        web_domain=["https://sub.group.com", "group.com", "group.com", "both.com", "both.com"],
        company_name=[None, "Tub GmbH", None, None, "Why"],
    )
    found, done = match(accounts, contacts)
    assert found == ["S", "T", "H", None, "Y"]
    told = done.proposals
    assert set(told.loc[told["from"] == "both.com", "account_id"]) == {"X", "Y"}


def test_a_name_between_two_accounts_is_proposed_only() -> None:
    accounts = frame(account_id=["A", "B"], account_name=["Dalenagon Nutrition", "Dalenagan Nutrition"])
    found, done = match(accounts, frame(contact_id=["1"], company_name=["Dalenagen Nutrition"]))
    assert found == [None]
    assert len(done.proposals) >= 1


def test_two_typing_errors_are_proposed_only() -> None:
    accounts = frame(account_id=["A", "B"], account_name=["Alodarax Construction Ltd", "Berivona Handel Sp. z o.o."])
    asked = [
        "Alodrax Construction",
        "Aoldarax Construction",
        "Construction Alodaxra",
        "Beriwona Handel Sp. z",
        "Alorax Construction",
    ]
    found, done = match(accounts, frame(contact_id=list("12345"), company_name=asked))
    assert found == ["A", "A", None, "B", None]
    assert set(done.proposals["from"]) >= {"alorax construction"}


def test_wide_blocks_find_what_narrow_ones_find(monkeypatch: pytest.MonkeyPatch) -> None:
    """All share a word; with the limit at 1 each block is taken apart, and one typing error is found all the same."""
    rng = random.Random(5)
    names = sorted({"".join(rng.choice("bdlnrst") + rng.choice("aeiou") for _ in range(4)) for _ in range(150)})
    keys = [f"{n} handel" for n in names]
    asked = sorted({_typo(k, rng) for k in keys} - set(keys))
    narrow = most_similar(asked, keys, 84)
    monkeypatch.setattr(similar, "_WIDE", 1)
    wide = most_similar(asked, keys, 84)
    both = narrow.merge(wide, on="query", suffixes=("", "_wide"))
    near = both[both["similarity"] >= 92]
    assert len(near) > 100
    assert (near["similarity"] == near["similarity_wide"]).mean() > 0.97


def _typo(name: str, rng: random.Random) -> str:
    at = rng.randrange(1, name.index(" "))
    return name[:at] + name[at + 1 :]


def test_addresses_go_to_the_narrowest_range(tmp_path: Path) -> None:
    (tmp_path / "ip.csv").write_text("network,account_id\n192.0.2.0/24,A\n192.0.2.128/25,B\n2001:db8::/32,C\n")
    spec = MatchingSpec(ip_ranges="ip.csv")
    contacts = frame(contact_id=list("1234"), ip_address=["192.0.2.9", "192.0.2.200", "2001:db8::1", "198.51.100.1"])
    accounts = frame(account_id=["A", "B", "C"])
    assert match(accounts, contacts, spec, tmp_path)[0] == ["A", "B", "C", None]


def test_only_the_mapping_file_merges(tmp_path: Path) -> None:
    accounts = frame(account_id=["A", "B", "C"], account_name=["One", "Uno", "C"], domain=["one.com", "one.com", None])
    contacts = frame(contact_id=["1", "2"], account_id=["B", None], company_name=[None, "Eins AG"])
    proposed = account_proposals(Tables({"accounts": accounts}))
    assert proposed[["what", "from", "account_id"]].to_numpy().tolist() == [["account", "B", "A"]]
    (tmp_path / "map.csv").write_text("what,from,account_id,reason\naccount,B,A,same domain\nname,Eins,C,\n")
    spec = MatchingSpec(mapping="map.csv")
    frames, done, _ = matched({"accounts": accounts, "contacts": contacts}, spec, tmp_path)
    assert frames["accounts"]["account_id"].tolist() == ["A", "C"]
    assert frames["contacts"]["account_id"].tolist() == ["A", "C"]
    assert (done.merged, done.counts["contacts"]) == (("B",), {"id": 1, "mapping": 1})
    (tmp_path / "map.csv").write_text("what,from,account_id\naccount,A,B\naccount,B,A\n")
    with pytest.raises(BadDataError, match="merged into itself"):
        matched({"accounts": accounts, "contacts": contacts}, spec, tmp_path)


def test_events_without_account_count_as_anonymous(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("account_id,domain\nA,acme.com\n")
    (tmp_path / "e.csv").write_text(
        "occurred_at,event_type,web_domain\n2026-01-01T00:00:00Z,web_visit,acme.com\n"
        "2026-01-01T00:00:00Z,web_visit,gmail.com\n2026-01-02T00:00:00Z,web_visit,www.acme.com\n2026-01-02T00:00:00Z,web_visit,\n"
    )
    columns = {"web_domain": "web_domain"}
    loaded = load_tables(
        {"accounts": CsvSource(path="a.csv"), "events": CsvSource(path="e.csv", columns=columns)}, tmp_path
    )
    assert loaded.matches.anonymous_share == 0.5
    assert loaded.matches.confidence.to_dict() == {"A": 0.97}
    assert "web_domain" not in loaded.tables["events"]


def test_what_a_day_cannot_know_does_not_count_for_its_confidence(tmp_path: Path) -> None:
    accounts = frame(account_id=["A"], domain=["acme.com"])
    events = frame(account_id=["A", None, None], web_domain=[None, "acme.com", None]).assign(
        occurred_at=pd.to_datetime(["2026-01-01", "2026-01-01", "2026-01-02"], utc=True),
        known_at=pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-02"], utc=True),
    )
    seen = {}
    for day in ("2026-01-02", "2026-01-03"):
        moment = pd.Timestamp(day, tz="UTC").to_pydatetime()
        _, done, _ = matched({"accounts": accounts, "events": events}, MatchingSpec(), tmp_path, moment)
        seen[day] = (done.confidence["A"], done.anonymous_share)
    assert seen == {"2026-01-02": (1.0, 0.0), "2026-01-03": (0.985, 1 / 3)}
