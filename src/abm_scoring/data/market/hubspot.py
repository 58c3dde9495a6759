"""The market as HubSpot would export it: present records, histories of their fields, mails by address, activities."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from abm_scoring.data.market.frames import iso_text
from abm_scoring.data.market.market import BIG_TABLES
from abm_scoring.data.tables import Tables

#: Our column → HubSpot's property. What it has no property for stands under our name, as a property of one's own would.
_COMPANY = {
    "account_id": "hs_object_id",
    "account_name": "name",
    "domain": "domain",
    "parent_account_id": "hs_parent_company_id",
    "sector": "industry",
    "employee_count": "numberofemployees",
    "annual_revenue": "annualrevenue",
    "country": "country",
    "region": "state",
    "owner_id": "hubspot_owner_id",
    "customer_since": "hs_date_entered_customer",
}
_CONTACT = {
    "contact_id": "hs_object_id",
    "account_id": "associatedcompanyid",
    "buying_role": "hs_buying_role",
    "seniority": "hs_seniority",
    "objected_at": "hs_email_optout_at",
}
_DEAL = {
    "opportunity_id": "deal_id",
    "account_id": "associatedcompanyid",
    "created_at": "createdate",
    "kind": "dealtype",
    "stage": "dealstage",
    "closed_at": "closedate",
    "currency": "deal_currency_code",
}
_ROLES = {
    "decision_maker": "DECISION_MAKER",
    "influencer": "INFLUENCER",
    "user": "END_USER",
    "buyer": "ECONOMIC_BUYER",
    "finance": "BUDGET_HOLDER",
    "gatekeeper": "BLOCKER",
}
_STAGES = {"won": "closedwon", "lost": "closedlost"}
_KINDS = {"new": "newbusiness", "upsell": "existingbusiness"}
_MAILS = {"email_sent": "SENT", "email_open": "OPEN", "email_click": "CLICK", "email_reply": "REPLY"}
_ACTIVITIES = {
    "web_visit": "PAGE_VIEW",
    "form_fill": "FORM_SUBMISSION",
    "meeting": "MEETING",
    "sales_conversation": "CALL",
}
#: Days after which sales plans to close a deal that is open.
_PLANNED = pd.Timedelta(days=60)

#: The sources of a configuration that reads these files, beside those that are canonical already.
SOURCES: Mapping[str, object] = {
    "accounts": {
        "kind": "csv",
        "preset": "hubspot.companies",
        "path": "hubspot/companies.csv",
        "history": {"path": "hubspot/company_property_history.csv"},
    },
    "contacts": {
        "kind": "csv",
        "preset": "hubspot.contacts",
        "path": "hubspot/contacts.csv",
        "history": {"path": "hubspot/contact_property_history.csv"},
    },
    "opportunities": {
        "kind": "csv",
        "preset": "hubspot.deals",
        "path": "hubspot/deals.csv",
        "history": {"path": "hubspot/deal_property_history.csv"},
        "values": {"stage": {"closedwon": "won", "closedlost": "lost"}},
    },
    "events": {
        "kind": "stack",
        "parts": [
            {"kind": "csv", "preset": "hubspot.email_events", "path": "hubspot/email_events.csv"},
            {"kind": "csv", "preset": "hubspot.activities", "path": "hubspot/activities.csv"},
        ],
    },
}


def write_hubspot(tables: Tables, folder: Path) -> None:
    """Write companies, contacts, deals, their property histories, mail events and activities as CSV; others canonical.

    Args:
        tables: A market's tables.
        folder: `hubspot/` is made in it; the tables that HubSpot has no export for lie beside it, as CSV.
    """
    target = folder / "hubspot"
    target.mkdir(parents=True, exist_ok=True)
    contacts = tables["contacts"].replace({"buying_role": _ROLES})
    domains = tables["accounts"].drop_duplicates("account_id").set_index("account_id")["domain"]
    contacts = contacts.assign(email=_address(contacts["contact_id"], contacts["account_id"].map(domains)))
    deals = tables["opportunities"].replace({"stage": _STAGES, "kind": _KINDS}).drop(columns="is_won")
    planned = deals["closed_at"].where(deals["closed_at"].notna(), deals["created_at"] + _PLANNED)
    _write_records(tables["accounts"], _COMPANY, target, "companies", "company")
    _write_records(contacts, _CONTACT, target, "contacts", "contact")
    _write_records(deals.assign(closed_at=planned), _DEAL, target, "deals", "deal")
    _write_events(tables["events"], contacts, target)
    for name in tables:
        if name not in (*BIG_TABLES, "accounts", "opportunities"):
            _write(tables[name], folder / f"{name}.csv")


def _address(contact: pd.Series, domain: pd.Series) -> pd.Series:
    return (contact.str.lower() + "@" + domain.fillna("nowhere.example")).astype("str")


def _write_records(frame: pd.DataFrame, names: Mapping[str, str], folder: Path, file: str, record: str) -> None:
    key = str(frame.columns[0])
    text = _texts(frame.sort_values([key, "known_at"], kind="stable", ignore_index=True))
    known = text.pop("known_at")
    text.columns = [names.get(str(c), str(c)) for c in text]
    own = names[key]
    first, last = ~text[own].duplicated(), ~text[own].duplicated(keep="last")
    at_first = pd.Series(known[first].array, text.loc[first, own])
    created = text[own].map(at_first)
    now = text[last] if "createdate" in text else text[last].assign(createdate=created[last])
    now.to_csv(folder / f"{file}.csv", index=False, lineterminator="\n")
    changes = _changes(text, known, own, first).rename(columns={own: f"{record}_id"})
    changes.to_csv(folder / f"{record}_property_history.csv", index=False, lineterminator="\n")


def _changes(text: pd.DataFrame, known: pd.Series, own: str, first: pd.Series) -> pd.DataFrame:
    """One line for each property that a version changed; for a version that changed none, one of its first property."""
    fields = [c for c in text if c != own]
    before = text[fields].groupby(text[own]).shift()
    changed = (text[fields].fillna("") != before.fillna("")) | (text[fields].notna() & first.to_numpy()[:, None])
    changed.loc[~changed.any(axis=1), fields[0]] = True
    lines = changed.stack()
    at = pd.Series(lines)[lines.to_numpy()].index
    rows = at.get_level_values(0)
    value = text[fields].stack(future_stack=True).reindex(at).to_numpy()
    told = {own: text[own].loc[rows].array, "timestamp": known.loc[rows].array}
    return pd.DataFrame({**told, "name": at.get_level_values(1), "value": value})


def _write_events(events: pd.DataFrame, contacts: pd.DataFrame, folder: Path) -> None:
    text = _texts(events)
    address = contacts.drop_duplicates("contact_id").set_index("contact_id")["email"]
    # A mail's direction follows from its type; those whose direction got lost stand among the activities.
    mails = events["event_type"].isin(list(_MAILS)) & events["contact_id"].isin(address.index)
    mails &= events["direction"].notna()
    sent = text[mails].assign(recipient=text.loc[mails, "contact_id"].map(address)).replace({"event_type": _MAILS})
    renamed = {"event_id": "id", "occurred_at": "created", "event_type": "type", "campaign_id": "email_campaign_id"}
    sent.drop(columns=["contact_id", "direction"]).rename(columns=renamed).to_csv(
        folder / "email_events.csv", index=False, lineterminator="\n"
    )
    other = text[~mails].replace({"event_type": {**_ACTIVITIES, "email_sent": "EMAIL", "email_open": "EMAIL_OPEN"}})
    names = {
        "event_id": "hs_object_id",
        "occurred_at": "hs_timestamp",
        "event_type": "hs_activity_type",
        "account_id": "associated_company_id",
        "contact_id": "associated_contact_id",
        "known_at": "hs_createdate",
    }
    other.rename(columns=names).to_csv(folder / "activities.csv", index=False, lineterminator="\n")


def _texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Every column as the text that a CSV would hold."""
    return pd.DataFrame({str(name): _text(frame[name]) for name in frame})


def _text(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return iso_text(column)
    if column.dtype == "float64":
        return column.map(repr, na_action="ignore").astype("str")
    return column.astype("str")


def _write(frame: pd.DataFrame, path: Path) -> None:
    _texts(frame).to_csv(path, index=False, lineterminator="\n")
