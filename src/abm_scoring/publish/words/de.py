"""German."""

from __future__ import annotations

from abm_scoring.publish.words.catalogue import Catalogue
from abm_scoring.publish.words.grammar import GRAMMARS, Forms
from abm_scoring.publish.words.interface_de import INTERFACE


def _f(one: str, other: str) -> Forms:
    return {"one": one, "other": other}


_EVENTS = {
    "any": _f("Interaktion", "Interaktionen"),
    "web_visit": _f("Website-Besuch", "Website-Besuche"),
    "email_open": _f("E-Mail-Öffnung", "E-Mail-Öffnungen"),
    "email_click": _f("E-Mail-Klick", "E-Mail-Klicks"),
    "email_sent": _f("versandte E-Mail", "versandte E-Mails"),
    "email_reply": _f("E-Mail-Antwort", "E-Mail-Antworten"),
    "form_fill": _f("ausgefülltes Formular", "ausgefüllte Formulare"),
    "content_download": _f("Content-Download", "Content-Downloads"),
    "webinar": _f("Webinar", "Webinare"),
    "ad_impression": _f("Anzeigeneinblendung", "Anzeigeneinblendungen"),
    "ad_click": _f("Anzeigenklick", "Anzeigenklicks"),
    "social_engagement": _f("Social-Media-Interaktion", "Social-Media-Interaktionen"),
    "meeting": _f("Termin", "Termine"),
    "sales_conversation": _f("Vertriebsgespräch", "Vertriebsgespräche"),
    "event_attendance": _f("besuchte Veranstaltung", "besuchte Veranstaltungen"),
    "demo_request": _f("Demo-Anfrage", "Demo-Anfragen"),
    "sql_created": _f("Sales-Qualified Lead", "Sales-Qualified Leads"),
    "order": _f("Bestellung", "Bestellungen"),
    "cancellation": _f("Kündigung", "Kündigungen"),
}

_NOUNS = {
    "buying_role": _f("Rolle im Buying Center", "Rollen im Buying Center"),
    "campaign": _f("Kampagne", "Kampagnen"),
    "channel": _f("Kanal", "Kanäle"),
    "contact": _f("Kontakt", "Kontakte"),
    "content": _f("Content-Stück", "Content-Stücke"),
    "customer": _f("Kunde", "Kunden"),
    "day": _f("Tag", "Tage"),
    "employee": _f("Mitarbeiter", "Mitarbeiter"),
    "engaged_contact": _f("aktiver Kontakt", "aktive Kontakte"),
    "engaged_senior_contact": _f("aktive Führungskraft", "aktive Führungskräfte"),
    "event": _f("Ereignis", "Ereignisse"),
    "known_contact": _f("bekannter Kontakt", "bekannte Kontakte"),
    "known_senior_contact": _f("bekannte Führungskraft", "bekannte Führungskräfte"),
    "lost_opportunity": _f("früher verlorene Opportunity", "früher verlorene Opportunities"),
    "minute": _f("Minute", "Minuten"),
    "month": _f("Monat", "Monate"),
    "opportunity": _f("frühere Opportunity", "frühere Opportunities"),
    "won_opportunity": _f("früher gewonnene Opportunity", "früher gewonnene Opportunities"),
    "week": _f("Woche", "Wochen"),
    "year": _f("Jahr", "Jahre"),
}

_COUNTED = {
    "ago": _f("vor {n} Tag", "vor {n} Tagen"),
    "window": _f("am letzten Tag", "in den letzten {n} Tagen"),
}

_SENTENCES = {
    # pieces
    "ago_short": "vor weniger als einem Tag",
    "counted": "{n} {things}",
    "detail": "{text}: {detail}",
    "none": "keine {things}",
    "only": "nur {number}",
    "window_all": "insgesamt",
    # events
    "happened": "{count} {window}",
    "nothing": "keine {things} {window}",
    "sum_minutes": "{amount} {events} {window}",
    "sum_value": "{events}: Wert {amount} {window}",
    "sum_other": "{events}: {column} {amount} {window}",
    "sum_none": "{events}: keine {column} {window}",
    "distinct": "{events}: {count} {window}",
    "distinct_none": "{events}: keine {things} {window}",
    "active": "{count} aktiv (von den letzten {days})",
    "active_all": "bisher {count} aktiv",
    "active_none": "nicht aktiv {window}",
    "active_events": "{events}: {count} (von den letzten {days})",
    "active_events_all": "{events}: bisher {count}",
    "last": "{event}: zuletzt {ago}",
    "first": "{event}: erstmals {ago}",
    "first_touch": "erster Kontakt {ago}",
    "never": "{event}: bisher nie",
    "decayed": "Wert für aktuelles Engagement: {number}",
    "decayed_events": "Wert für aktuelles Engagement: {number} ({events})",
    "decayed_none": "kein aktuelles Engagement",
    "decayed_events_none": "aktuell keine {events}",
    "momentum_up": "{events}: {ratio}× so häufig wie im {days}-Tage-Schnitt",
    "momentum_down": "{events}: nur noch {ratio}× so häufig wie im {days}-Tage-Schnitt",
    "momentum_even": "{events}: so häufig wie im {days}-Tage-Schnitt",
    "mean": "{events}: im Schnitt {amount} {window}",
    "least": "{events}: mindestens {amount} {window}",
    "most": "{events}: höchstens {amount} {window}",
    "weeks": "{events}: in {count} aktiv {window}",
    "gap": "{events}: im Schnitt {count} Abstand {window}",
    "gap_none": "{events}: weniger als zwei {window}",
    "regular": "{events}: regelmäßig {window}",
    "irregular": "{events}: unregelmäßig {window}",
    "rhythm_none": "{events}: zu wenige für einen Rhythmus {window}",
    "replies": "{count} kurz nach Ihrer Ansprache {window}",
    "replies_none": "keine {things} kurz nach Ihrer Ansprache {window}",
    "burst": "{events}: letzte Woche {ratio}× so häufig wie zuvor",
    "burst_even": "{events}: letzte Woche so häufig wie zuvor",
    "streak": "{events}: {count} in Folge",
    # facts
    "value": "{label}: {value}",
    "share": "{label}: {percent}",
    "share_unknown": "{label}: Anteil unbekannt",
    "unknown": "{label}: unbekannt",
    "known": "{label}: bekannt",
    "yes": "{label}: ja",
    "no": "{label}: nein",
    # fit with the ideal customer profile
    "fit_size_in": "passt zu Ihrer Wunschgröße",
    "fit_size_near": "nahe an Ihrer Wunschgröße",
    "fit_size_out": "außerhalb Ihrer Wunschgröße",
    "fit_sector_in": "in einer Zielbranche",
    "fit_sector_out": "außerhalb Ihrer Zielbranchen",
    "fit_region_in": "in einem Zielland",
    "fit_region_site": "hat einen Standort in einem Zielland",
    "fit_region_out": "außerhalb Ihrer Zielländer",
    "fit_values": "teilt {number} von {total} Ihrer Werte",
    "fit_values_share": "teilt {percent} Ihrer Werte",
    "fit_values_none": "teilt keinen Ihrer Werte",
    "fit_similar": "Ähnlichkeit mit Ihren Kunden: {percent}",
    "fit_similar_customers": "Branche und Region wie bei {number} Ihrer Kunden",
    "fit_similar_none": "Ihren Kunden nicht ähnlich",
    "fit_total": "passt zum idealen Kundenprofil: {percent}",
    # buying group
    "roles_known": "{number} von {total} Rollen im Buying Center bekannt",
    "roles_known_all": "{roles} bekannt",
    "roles_engaged": "{number} von {total} Rollen im Buying Center aktiv",
    "roles_engaged_all": "{roles} aktiv",
    "roles_missing": "{number} von {total} Rollen im Buying Center fehlen",
    "roles_missing_all": "fehlend: {roles}",
    "seniority": "{level}: {count} aktiv",
    "seniority_none": "{level}: keine {things} aktiv",
    # relationship
    "tenure": "Kundenbeziehung: {duration}",
    "tenure_short": "Kunde seit weniger als einem Tag",
    "tenure_none": "kein Kunde",
    "earlier_revenue_none": "bisher kein Umsatz",
    "closed": "letzte Opportunity {ago} abgeschlossen",
    "closed_none": "bisher keine Opportunity abgeschlossen",
}

_LABELS = {
    "campaign_of_first_touch": "Kampagne des Erstkontakts",
    "channel_of_first_touch": "Kanal des Erstkontakts",
    "content_of_first_touch": "Content des Erstkontakts",
    "annual_revenue": "Jahresumsatz",
    "company_age": "Alter des Unternehmens",
    "country": "Land",
    "earlier_revenue": "bisheriger Umsatz",
    "employee_count": "Mitarbeiterzahl",
    "ideal_customer_profile": "Übereinstimmung mit dem idealen Kundenprofil",
    "is_subsidiary": "Tochter eines anderen Unternehmens",
    "likeness_to_customers": "Ähnlichkeit mit Ihren Kunden",
    "region": "Region",
    "sector": "Branche",
    "values": "Unternehmenswerte",
}

_TOPICS = {
    "first_touch_campaign": "Kampagne des Erstkontakts",
    "first_touch_channel": "Kanal des Erstkontakts",
    "first_touch_content": "Content des Erstkontakts",
    "buying_group": "Buying Center",
    "company_age": "Alter des Unternehmens",
    "company_size": "Unternehmensgröße",
    "sector": "Branche",
    "engagement": "Engagement insgesamt",
    "location": "Land und Region",
    "relationship": "Geschäftsbeziehung",
    "company_structure": "Unternehmensstruktur",
    "fit_size": "passende Größe",
    "fit_sector": "passende Branche",
    "fit_region": "passendes Land",
    "fit_values": "gemeinsame Werte",
    "fit_similar_customers": "Ähnlichkeit mit Ihren Kunden",
    "fit_total": "Übereinstimmung mit dem idealen Kundenprofil",
}

_LEVELS = {
    "c_level": "C-Level",
    "vp": "VP-Ebene",
    "staff": "Fachebene",
}

_NOT_SCORED = {
    "customer": "bereits Kunde",
    "not_a_customer": "noch kein Kunde",
    "partner": "ist Partner",
    "open_opportunity": "hat eine offene Opportunity",
    "no_data": "noch keine Daten",
    "not_yet_known": "an diesem Tag noch nicht bekannt",
    "objected": "hat der Verarbeitung widersprochen",
    "duplicate": "Dublette eines anderen Accounts",
    "outside_scoring_window": "außerhalb des Bewertungszeitraums",
    "excluded": "durch die Konfiguration ausgeschlossen",
}

GERMAN = Catalogue(
    grammar=GRAMMARS["de"],
    in_general="other",
    after_no="other",
    events=_EVENTS,
    unknown_event=_f("Ereignis „{name}“", "Ereignisse „{name}“"),
    nouns=_NOUNS,
    counted=_COUNTED,
    sentences=_SENTENCES,
    labels=_LABELS,
    topics=_TOPICS,
    levels=_LEVELS,
    unknown_level="Ebene „{name}“",
    not_scored=_NOT_SCORED,
    interface=INTERFACE,
)
