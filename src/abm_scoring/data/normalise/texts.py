"""Texts → values of a small vocabulary. Each function gives None where it is not sure; nothing is forced."""

# ruff: noqa: E501 - words are wider than code
from __future__ import annotations

import re
from functools import cache

from abm_scoring.data.normalise.words import BUYING_ROLES, SECTORS, SENIORITY
from abm_scoring.errors import ConfigError

#: Country names that no list of territories has.
_COUNTRIES = {
    "usa": "US", "u.s.a.": "US", "u.s.": "US", "america": "US", "uk": "GB", "u.k.": "GB", "great britain": "GB", "england": "GB",
    "scotland": "GB", "wales": "GB", "holland": "NL", "russia": "RU", "south korea": "KR", "korea": "KR", "vietnam": "VN",
    "czech republic": "CZ", "brd": "DE", "deutschland": "DE", "uae": "AE", "сша": "US", "оаэ": "AE", "marea britanie": "GB",
    "anglia": "GB", "olanda": "NL", "sua": "US", "statele unite": "US",
}  # fmt: skip
_LANGUAGES = [
    "en",
    "de",
    "fr",
    "it",
    "es",
    "pt",
    "nl",
    "pl",
    "ro",
    "ru",
    "uk",
    "cs",
    "sk",
    "hu",
    "sv",
    "da",
    "nb",
    "fi",
    "tr",
    "el",
    "bg",
    "hr",
    "sl",
    "et",
    "lv",
    "lt",
    "ja",
    "zh",
    "ko",
    "ar",
]
_BAND = re.compile(
    r"^\D*?(\d[\d\s.,'’ ]*)\s*(k\b|m\b)?\s*(?:-|–|—|to|bis|до|până la|pana la|\.\.)\s*(\d[\d\s.,'’ ]*)\s*(k\b|m\b)?\D*$",
    re.I,
)
_MORE = re.compile(
    r"^\s*(?:>|≥|over|more than|über|mehr als|ab|более|свыше|peste)?\s*(\d[\d\s.,'’ ]*)\s*(k\b|m\b)?\s*(?:\+|plus|и более|or more|und mehr|și peste)?[^\d]*$",
    re.I,
)
_UNITS = {"k": 1_000, "m": 1_000_000}
_SCALES = {"nace": 0, "naics": 1, "sic": 2}


def country_code(text: str) -> str | None:
    """ISO 3166 alpha-2 code of a country's name in any of some thirty languages, or of its two or three letter code."""
    plain = text.strip().casefold()
    return _country_names().get(plain) or _COUNTRIES.get(plain)


@cache
def _country_names() -> dict[str, str]:
    try:
        import pycountry
        from babel import Locale
    except ImportError as error:
        fix = "pip install 'abm-scoring[match]'"
        raise ConfigError("pycountry and babel are not installed", where="normalise", fix=fix) from error
    codes = {c.alpha_2 for c in pycountry.countries}
    names: dict[str, str] = {}
    for language in reversed(_LANGUAGES):
        for code, name in Locale(language).territories.items():
            if code in codes:
                names[name.casefold()] = code
    for country in pycountry.countries:
        for attribute in ("name", "official_name", "common_name"):
            if hasattr(country, attribute):
                names[getattr(country, attribute).casefold()] = country.alpha_2
        names |= {country.alpha_2.casefold(): country.alpha_2, country.alpha_3.casefold(): country.alpha_2}
    return names


def band_middle(text: str) -> str | None:
    """A number for a band of sizes: its geometric middle (`201-500` → 317), the lower end of an open one (`10,001+`)."""
    band, open_end = _BAND.match(text), _MORE.match(text)
    if band:
        low, high = _whole(band[1], band[2] or band[4]), _whole(band[3], band[4])
        return None if low is None or high is None or low > high else str(round((max(low, 1) * high) ** 0.5))
    number = _whole(open_end[1], open_end[2]) if open_end else None
    return None if number is None else str(number)


def _whole(digits: str, unit: str | None) -> int | None:
    plain = re.sub(r"\D", "", digits)
    return int(plain) * _UNITS.get((unit or "").lower(), 1) if plain else None


def sector_of(text: str) -> str | None:
    """One of the sectors of `words.SECTORS` for a name, a word in it, or a code such as `NACE 21.20` or `NAICS 325412`.

    A code without its scheme is read as NACE where it has a dot or begins with a letter, else it is not read.
    """
    plain = text.strip().casefold().replace("_", " ")
    if plain.replace(" ", "_") in SECTORS:
        return plain.replace(" ", "_")
    code = re.fullmatch(r"(nace|naics|sic)?[\s:-]*([a-u])?(\d{2}(?:\.?\d{1,4})?)(\.\d+)?", plain)
    if code:
        scheme = code[1] or ("nace" if code[2] or "." in plain else None)
        return _by_code(re.sub(r"\D", "", code[3] + (code[4] or "")), _SCALES[scheme]) if scheme else None
    words = re.sub(r"[^\w-]+", " ", plain)
    hits = {
        s: max((len(w) for w in parts[3].split() if re.search(rf"\b{re.escape(w)}", words)), default=0)
        for s, parts in SECTORS.items()
    }
    best = max(hits.values())
    winners = [sector for sector, length in hits.items() if length == best]
    return winners[0] if best and len(winners) == 1 else None


def _by_code(digits: str, scale: int) -> str | None:
    found = [(len(p), s) for s, parts in SECTORS.items() for p in parts[scale].split() if digits.startswith(p)]
    return max(found)[1] if found else None


def seniority_of(title: str) -> str | None:
    """`c_level`, `director`, `manager` or `staff` for a job title in English, German, Russian or Romanian."""
    return _first(title, SENIORITY)


def buying_role_of(title: str) -> str | None:
    """The role in a buying group that a job title suggests; a person's real role may differ."""
    return _first(title, BUYING_ROLES)


def _first(title: str, rules: tuple[tuple[str, str], ...]) -> str | None:
    text = title.strip().casefold()
    return next((word for word, pattern in rules if re.search(pattern, text)), None)


def tags_of(text: str, dictionary: dict[str, tuple[str, ...]]) -> str | None:
    """Tags whose words stand in a text, joined by `;`: each word is matched at the beginning of a word."""
    plain = text.casefold()
    hits = [
        tag
        for tag, words in dictionary.items()
        if any(re.search(rf"\b{re.escape(w.casefold())}", plain) for w in words)
    ]
    return ";".join(sorted(hits)) or None
