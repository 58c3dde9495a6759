"""Romanian."""

from __future__ import annotations

from abm_scoring.publish.words.catalogue import Catalogue
from abm_scoring.publish.words.grammar import GRAMMARS, Forms
from abm_scoring.publish.words.interface_ro import INTERFACE


def _f(one: str, few: str) -> Forms:
    """Forms after 1 and 2; from 20 on the second one follows "de"."""
    return {"one": one, "few": few, "other": f"de {few}"}


_EVENTS = {
    "any": _f("interacțiune", "interacțiuni"),
    "web_visit": _f("vizită pe site", "vizite pe site"),
    "email_open": _f("e-mail deschis", "e-mailuri deschise"),
    "email_click": _f("clic în e-mail", "clicuri în e-mailuri"),
    "email_sent": _f("e-mail trimis", "e-mailuri trimise"),
    "email_reply": _f("răspuns la e-mail", "răspunsuri la e-mailuri"),
    "form_fill": _f("formular completat", "formulare completate"),
    "content_download": _f("material descărcat", "materiale descărcate"),
    "webinar": _f("webinar", "webinare"),
    "ad_impression": _f("afișare de reclamă", "afișări de reclame"),
    "ad_click": _f("clic pe reclamă", "clicuri pe reclame"),
    "social_engagement": _f("interacțiune pe rețele sociale", "interacțiuni pe rețele sociale"),
    "meeting": _f("întâlnire", "întâlniri"),
    "sales_conversation": _f("discuție cu vânzările", "discuții cu vânzările"),
    "event_attendance": _f("participare la eveniment", "participări la evenimente"),
    "demo_request": _f("cerere de demo", "cereri de demo"),
    "sql_created": _f("lead calificat de vânzări", "leaduri calificate de vânzări"),
    "order": _f("comandă", "comenzi"),
    "cancellation": _f("reziliere", "rezilieri"),
}

_NOUNS = {
    "buying_role": _f("rol din grupul de cumpărare", "roluri din grupul de cumpărare"),
    "campaign": _f("campanie", "campanii"),
    "channel": _f("canal", "canale"),
    "contact": _f("contact", "contacte"),
    "content": _f("material", "materiale"),
    "customer": _f("client", "clienți"),
    "day": _f("zi", "zile"),
    "employee": _f("angajat", "angajați"),
    "engaged_contact": _f("contact implicat", "contacte implicate"),
    "engaged_senior_contact": _f("decident implicat", "decidenți implicați"),
    "event": _f("eveniment", "evenimente"),
    "known_contact": _f("contact cunoscut", "contacte cunoscute"),
    "known_senior_contact": _f("decident cunoscut", "decidenți cunoscuți"),
    "lost_opportunity": _f("oportunitate pierdută anterior", "oportunități pierdute anterior"),
    "minute": _f("minut", "minute"),
    "month": _f("lună", "luni"),
    "opportunity": _f("oportunitate anterioară", "oportunități anterioare"),
    "won_opportunity": _f("oportunitate câștigată anterior", "oportunități câștigate anterior"),
    "week": _f("săptămână", "săptămâni"),
    "year": _f("an", "ani"),
}

_COUNTED = {
    "ago": {"one": "acum {n} zi", "few": "acum {n} zile", "other": "acum {n} de zile"},
    "window": {"one": "în ultima zi", "few": "în ultimele {n} zile", "other": "în ultimele {n} de zile"},
}

_SENTENCES = {
    # pieces
    "ago_short": "acum mai puțin de o zi",
    "counted": "{n} {things}",
    "detail": "{text}: {detail}",
    "none": "fără {things}",
    "only": "doar {number}",
    "window_all": "în total",
    # events
    "happened": "{count} {window}",
    "nothing": "fără {things} {window}",
    "sum_minutes": "{events}: {amount} {window}",
    "sum_value": "{events}: valoare {amount} {window}",
    "sum_other": "{events}: {column} {amount} {window}",
    "sum_none": "{events}: fără {column} {window}",
    "distinct": "{events}: {count} {window}",
    "distinct_none": "{events}: fără {things} {window}",
    "active": "activitate: {count} din ultimele {days}",
    "active_all": "activitate: {count} până acum",
    "active_none": "fără activitate {window}",
    "active_events": "{events}: {count} din ultimele {days}",
    "active_events_all": "{events}: {count} până acum",
    "last": "{event}: ultima dată {ago}",
    "first": "{event}: prima dată {ago}",
    "first_touch": "primul contact {ago}",
    "never": "{event}: niciodată",
    "decayed": "scor de implicare recentă: {number}",
    "decayed_events": "scor de implicare recentă: {number} ({events})",
    "decayed_none": "fără implicare recentă",
    "decayed_events_none": "fără {events} în ultima vreme",
    "momentum_up": "{events}: ritm mai mare, de {ratio}× față de media pe {days} de zile",
    "momentum_down": "{events}: ritm mai mic, de {ratio}× față de media pe {days} de zile",
    "momentum_even": "{events}: în ritmul obișnuit pe {days} de zile",
    "mean": "{events}: în medie {amount} {window}",
    "least": "{events}: cel puțin {amount} {window}",
    "most": "{events}: cel mult {amount} {window}",
    "weeks": "{events}: {count} cu activitate {window}",
    "gap": "{events}: interval mediu {count} {window}",
    "gap_none": "{events}: mai puțin de două {window}",
    "regular": "{events}: regulat {window}",
    "irregular": "{events}: neregulat {window}",
    "rhythm_none": "{events}: prea puține pentru un ritm {window}",
    "replies": "{count} la scurt timp după mesajul tău {window}",
    "replies_none": "fără {things} la scurt timp după mesajul tău {window}",
    "burst": "{events}: în ultima săptămână {ratio}× față de ritmul anterior",
    "burst_even": "{events}: în ultima săptămână, ritmul anterior",
    "streak": "{events}: {count} la rând",
    # facts
    "value": "{label}: {value}",
    "share": "{label}: {percent}",
    "share_unknown": "{label}: pondere necunoscută",
    "unknown": "{label}: necunoscut",
    "known": "{label}: cunoscut",
    "yes": "{label}: da",
    "no": "{label}: nu",
    # fit with the ideal customer profile
    "fit_size_in": "are mărimea dorită",
    "fit_size_near": "aproape de mărimea dorită",
    "fit_size_out": "nu are mărimea dorită",
    "fit_sector_in": "într-un sector-țintă",
    "fit_sector_out": "în afara sectoarelor-țintă",
    "fit_region_in": "într-o țară-țintă",
    "fit_region_site": "are un sediu într-o țară-țintă",
    "fit_region_out": "în afara țărilor-țintă",
    "fit_values": "împărtășește {number} din {total} dintre valorile tale",
    "fit_values_share": "împărtășește {percent} din valorile tale",
    "fit_values_none": "nu împărtășește valorile tale",
    "fit_similar": "seamănă cu clienții tăi: {percent}",
    "fit_similar_customers": "sector și regiune ca la clienții tăi: {number}",
    "fit_similar_none": "nu seamănă cu clienții tăi",
    "fit_total": "se potrivește cu profilul clientului ideal: {percent}",
    # buying group
    "roles_known": "roluri cunoscute din grupul de cumpărare: {number} din {total}",
    "roles_known_all": "cunoscute: {roles}",
    "roles_engaged": "roluri implicate din grupul de cumpărare: {number} din {total}",
    "roles_engaged_all": "implicate: {roles}",
    "roles_missing": "roluri lipsă din grupul de cumpărare: {number} din {total}",
    "roles_missing_all": "lipsă: {roles}",
    "seniority": "{level}: {count} cu implicare",
    "seniority_none": "{level}: fără {things} cu implicare",
    # relationship
    "tenure": "client de {duration}",
    "tenure_short": "client de mai puțin de o zi",
    "tenure_none": "nu este client",
    "earlier_revenue_none": "fără venituri anterioare",
    "closed": "ultima oportunitate închisă {ago}",
    "closed_none": "nicio oportunitate închisă până acum",
}

_LABELS = {
    "campaign_of_first_touch": "campania primului contact",
    "channel_of_first_touch": "canalul primului contact",
    "content_of_first_touch": "materialul primului contact",
    "annual_revenue": "cifră de afaceri",
    "company_age": "vechimea companiei",
    "country": "țară",
    "earlier_revenue": "venituri anterioare",
    "employee_count": "număr de angajați",
    "ideal_customer_profile": "potrivirea cu profilul clientului ideal",
    "is_subsidiary": "filială a altei companii",
    "likeness_to_customers": "asemănarea cu clienții tăi",
    "region": "regiune",
    "sector": "sector",
    "values": "valorile companiei",
}

_TOPICS = {
    "first_touch_campaign": "campania primului contact",
    "first_touch_channel": "canalul primului contact",
    "first_touch_content": "materialul primului contact",
    "buying_group": "grup de cumpărare",
    "company_age": "vechimea companiei",
    "company_size": "mărimea companiei",
    "sector": "sector",
    "engagement": "implicare în ansamblu",
    "location": "țară și regiune",
    "relationship": "relație de afaceri",
    "company_structure": "structura companiei",
    "fit_size": "mărime potrivită",
    "fit_sector": "sector potrivit",
    "fit_region": "țară potrivită",
    "fit_values": "valori comune",
    "fit_similar_customers": "asemănarea cu clienții tăi",
    "fit_total": "potrivirea cu profilul clientului ideal",
}

_LEVELS = {
    "c_level": "nivel C",
    "vp": "nivel VP",
    "staff": "nivel de specialist",
}

_NOT_SCORED = {
    "customer": "este deja client",
    "not_a_customer": "nu este încă client",
    "partner": "este partener",
    "open_opportunity": "are o oportunitate deschisă",
    "no_data": "încă fără date",
    "not_yet_known": "necunoscută încă la această dată",
    "objected": "s-a opus prelucrării datelor",
    "duplicate": "duplicatul altei companii",
    "outside_scoring_window": "în afara perioadei de evaluare",
    "excluded": "exclusă prin configurare",
}

ROMANIAN = Catalogue(
    grammar=GRAMMARS["ro"],
    in_general="few",
    after_no="few",
    events=_EVENTS,
    unknown_event={
        "one": "eveniment „{name}”",
        "few": "evenimente „{name}”",
        "other": "de evenimente „{name}”",
    },
    nouns=_NOUNS,
    counted=_COUNTED,
    sentences=_SENTENCES,
    labels=_LABELS,
    topics=_TOPICS,
    levels=_LEVELS,
    unknown_level="nivel {name}",
    not_scored=_NOT_SCORED,
    interface=INTERFACE,
)
