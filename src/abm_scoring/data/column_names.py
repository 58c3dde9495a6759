"""Which canonical table a file seems to be, and which of its columns are which: a proposal, never more."""

# ruff: noqa: E501 - words are wider than code
from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from abm_scoring.data.presets import PACKAGED, packaged_preset
from abm_scoring.data.schema import TABLES
from abm_scoring.data.selection import snake_case
from abm_scoring.spec_problems import near

#: Our column: how people call it in English, German, Russian and Romanian, beside the names that presets know.
_WORDS: dict[str, str] = {
    "account_id": "account id|customer id|customer number|client id|company id|account|konto|kontonummer|kundennummer"
    "|kunden-nr|kunde|firmen-id|счет|счёт|код клиента|номер клиента|клиент|id клиента|cont|id client|cod client|client",
    "account_name": "account name|company|company name|customer name|organisation|firma|firmenname|unternehmen|название"
    "|компания|наименование|организация|nume|companie|denumire|nume companie|nume firma",
    "domain": "domain|website|web site|url|homepage|web|webseite|internetseite|сайт|домен|веб-сайт|site|pagina web|domeniu",
    "parent_account_id": "parent|parent account|parent id|subsidiary of|konzern|muttergesellschaft|родительская компания"
    "|материнская компания|холдинг|companie mama|grup",
    "sector": "sector|industry|branch|vertical|branche|wirtschaftszweig|отрасль|сектор|сфера деятельности|industrie|domeniu de activitate|ramura",
    "employee_count": "employees|number of employees|headcount|staff|company size|size|mitarbeiter|mitarbeiterzahl|beschäftigte"
    "|сотрудники|число сотрудников|количество сотрудников|численность|angajati|numar angajati|numar de angajati",
    "annual_revenue": "revenue|annual revenue|turnover|sales|umsatz|jahresumsatz|выручка|оборот|годовая выручка|cifra de afaceri|venituri|cifra",
    "country": "country|country code|land|staat|страна|tara|office location|location",
    "region": "region|state|province|bundesland|kanton|регион|область|judet|regiune",
    "founded_year": "founded|year founded|year established|founded year|gründungsjahr|gegründet|год основания|anul infiintarii|an infiintare",
    "values": "values|tags|werte|ценности|valori",
    "owner_id": "owner|sales owner|account owner|sales agent|betreuer|vertriebler|verantwortlich|ответственный|менеджер|responsabil|agent",
    "customer_since": "customer since|kunde seit|клиент с|client din|client de la",
    "partner_since": "partner since|partner seit|партнер с|партнёр с|partener din",
    "contact_id": "contact id|person id|lead id|kontakt|kontakt-id|контакт|id контакта|contact|id contact",
    "buying_role": "buying role|role|rolle|роль|rol",
    "seniority": "seniority|level|hierarchie|уровень|nivel",
    "department": "department|abteilung|отдел|departament",
    "email": "email|e-mail|mail|email address|e-mail-adresse|почта|эл. почта|adresa de e-mail",
    "occurred_at": "occurred at|timestamp|date|datetime|time|event date|activity date|zeitpunkt|datum|zeit|дата|время|дата события|data|data si ora|moment",
    "event_type": "event type|event|activity|activity type|type|aktivität|ereignis|art|тип|событие|тип события|tip|eveniment|activitate",
    "event_id": "event id|activity id|id|ereignis-id|id события|id eveniment",
    "channel": "channel|source|medium|kanal|канал|источник|canal|sursa",
    "campaign_id": "campaign|campaign id|kampagne|кампания|campanie",
    "minutes": "minutes|duration|dauer|минуты|длительность|minute|durata",
    "direction": "direction|richtung|направление|directie",
    "opportunity_id": "opportunity id|deal id|opportunity|deal|verkaufschance|chance|сделка|id сделки|номер сделки|oportunitate",
    "created_at": "created at|created|created on|create date|opened|engage date|angelegt am|erstellt am|erstellt|создано|дата создания|creat la|data crearii",
    "closed_at": "closed at|close date|closed|closed on|abgeschlossen am|abschlussdatum|закрыто|дата закрытия|inchis la|data inchiderii",
    "is_won": "won|is won|gewonnen|выиграно|castigat",
    "stage": "stage|deal stage|phase|status|стадия|этап|etapa|stadiu",
    "amount": "amount|value|deal value|close value|total|price|betrag|wert|summe|сумма|стоимость|valoare|suma",
    "currency": "currency|currency code|währung|валюта|moneda|valuta",
    "invoiced_on": "invoice date|invoiced on|invoicedate|rechnungsdatum|дата счета|дата счёта|data facturii|data factura",
    "invoice_id": "invoice|invoice no|invoice number|invoice id|rechnungsnummer|номер счета|factura|numar factura",
    "known_at": "known at|updated at|loaded at|erfasst am|известно с|cunoscut la",
}


@cache
def _known() -> dict[str, tuple[str, ...]]:
    """Our column → every name known for it, in snake case."""
    names: dict[str, list[str]] = {ours: [ours, *words.split("|")] for ours, words in _WORDS.items()}
    for preset in PACKAGED:
        for table in packaged_preset(preset).tables.values():
            for ours, theirs in table.columns.items():
                names.setdefault(ours, [ours]).extend(theirs)
    return {ours: tuple(dict.fromkeys(_plain(n) for n in given)) for ours, given in names.items()}


def _plain(name: str) -> str:
    from abm_scoring.data.matching.names import fold

    return snake_case(fold(name) if not name.isascii() else name)


def mapping_for(table: str, header: Sequence[str]) -> dict[str, str]:
    """Our column → theirs, each once: by our own name, then by a known name, then by one that is nearly known."""
    schema = TABLES[table]
    ours = [c.name for c in (*schema.columns, *schema.match_keys)]
    plain = {h: _plain(h) for h in header}
    found: dict[str, str] = {}
    for test in (lambda o, p: o == p, lambda o, p: p in _known().get(o, ())):
        for name in ours:
            if name not in found:
                theirs = next((h for h in header if h not in found.values() and test(name, plain[h])), None)
                if theirs is not None:
                    found[name] = theirs
    for name in (o for o in ours if o not in found and schema.by_name[o].required):
        theirs = next(
            (h for h in header if h not in found.values() and _nearly(plain[h], _known().get(name, (name,)))), None
        )
        if theirs is not None:
            found[name] = theirs
    return {name: found[name] for name in ours if name in found}


def named_as(words: str, header: Sequence[str]) -> str | None:
    """The first column that bears one of several names, which are joined by `|`."""
    known = [_plain(word) for word in words.split("|")]
    return next((h for h in header if _plain(h) in known), None)


def _nearly(plain: str, known: Iterable[str]) -> bool:
    return len(plain) > 3 and near(plain, known) != ""


def table_for(header: Sequence[str], file_name: str) -> tuple[str, float]:
    """The canonical table that a header fits best, and how well, 0 to 1.

    Six tenths are the share of its required columns, three the share of the header that it takes.
    A file name that says the table decides between equals.
    """
    scores = {}
    for name, schema in TABLES.items():
        mapped = mapping_for(name, header)
        required = [c for c in schema.required if c in mapped]
        share = len(required) / len(schema.required)
        scores[name] = 0.6 * share + 0.3 * len(mapped) / max(len(header), 1) + 0.1 * _named(file_name, name)
    best = max(scores, key=lambda n: (scores[n], -list(TABLES).index(n)))
    return best, round(scores[best], 2)


_FILE_WORDS = {
    "accounts": "account|compan|kunden|firm|клиент|client|customer",
    "contacts": "contact|kontakt|контакт|lead|person",
    "events": "event|activit|aktivit|событ|visit|eveniment",
    "opportunities": "opportunit|deal|pipeline|chance|сделк|oportunit",
    "invoices": "invoice|rechnung|счет|factur|order",
}


def _named(file_name: str, table: str) -> bool:
    words = _FILE_WORDS.get(table, table).split("|")
    return any(word in file_name.lower() for word in words)
