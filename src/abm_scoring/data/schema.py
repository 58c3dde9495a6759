"""The canonical tables: what each column means, its type, and which ones a table cannot do without.

Everything a user brings is mapped to this shape. Ids are text, timestamps are UTC with microseconds, one row is one
fact or one version of a fact (see `versioned`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ColumnType = Literal["id", "text", "number", "integer", "boolean", "timestamp", "tags"]

#: pandas dtype that each column type has in a canonical frame. `tags` is text with `;` between the tags.
DTYPES: dict[str, str] = {
    "id": "str",
    "text": "str",
    "number": "float64",
    "integer": "Int64",
    "boolean": "boolean",
    "timestamp": "datetime64[us, UTC]",
    "tags": "str",
}


@dataclass(frozen=True)
class Column:
    """One column of a canonical table."""

    name: str
    type: ColumnType
    meaning: str
    required: bool = False
    allowed: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class TableSchema:
    """One canonical table.

    Attributes:
        key: Columns that together name one row; rows that share a key are duplicates.
        on_duplicate: `refuse` stops the run, `drop` keeps the row known first and counts the others.
        versioned: True where several rows of one id may differ in `known_at`.
        open: True where columns beyond the schema pass through and can be named as features.
        match_keys: Columns that only say which account a row belongs to; they never leave the ingest.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    on_duplicate: Literal["refuse", "drop"] = "refuse"
    versioned: bool = False
    open: bool = True
    match_keys: tuple[Column, ...] = ()
    by_name: dict[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {c.name: c for c in (*self.columns, *self.match_keys)})

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that the table cannot do without."""
        return tuple(c.name for c in self.columns if c.required)


def _c(name: str, type: ColumnType, meaning: str, **rules: object) -> Column:
    return Column(name.rstrip("*"), type, meaning, required=name.endswith("*"), **rules)  # type: ignore[arg-type]


_KNOWN_AT = _c("known_at", "timestamp", "when this row became known to the business; empty = always known")

#: What a row may say of its company instead of an account_id; see `matching`. Read, used, and dropped at once.
MATCH_KEYS = (
    _c("email", "text", "e-mail address; its domain tells the company"),
    _c("web_domain", "text", "web domain or address of the company"),
    _c("company_name", "text", "name of the company as somebody wrote it"),
    _c("ip_address", "text", "IP address, looked up in matching.ip_ranges"),
)

ACCOUNTS = TableSchema(
    "accounts",
    "companies that can be scored; several rows of one account are versions in time",
    (
        _c("account_id*", "id", "the account's id"),
        _c("account_name", "text", "company name"),
        _c("domain", "text", "web domain"),
        _c("parent_account_id", "id", "the parent company's account_id"),
        _c("sector", "text", "sector"),
        _c("employee_count", "number", "employees", minimum=0),
        _c("annual_revenue", "number", "revenue a year, project currency"),
        _c("country", "text", "country (ISO 3166 alpha-2 where value fit uses countries)"),
        _c("region", "text", "region"),
        _c("founded_year", "number", "year of foundation", minimum=1000, maximum=2200),
        _c("values", "tags", "corporate values as tags, separated by ;"),
        _c("owner_id", "id", "sales owner"),
        _c("customer_since", "timestamp", "when the account became a customer"),
        _c("partner_since", "timestamp", "when the account became a partner"),
        _KNOWN_AT,
    ),
    key=("account_id", "known_at"),
    versioned=True,
)

TARGET_LIST = TableSchema(
    "target_list",
    "accounts that marketing targets, wish accounts and named customers included",
    (
        _c("account_id*", "id", "the account's id"),
        _c("tier", "text", "tier on the list"),
        _c("from*", "timestamp", "on the list from"),
        _c("to", "timestamp", "off the list from"),
    ),
    key=("account_id", "from"),
)

CONTACTS = TableSchema(
    "contacts",
    "people at accounts, by role; only ids and roles are used",
    (
        _c("contact_id*", "id", "the contact's id"),
        _c("account_id", "id", "the account the contact belongs to"),
        _c("buying_role", "text", "role in the buying group, e.g. decision_maker"),
        _c("stance", "text", "attitude", allowed=("champion", "supporter", "neutral", "blocker")),
        _c("seniority", "text", "seniority, e.g. c_level, director, manager, staff"),
        _c("department", "text", "department"),
        _KNOWN_AT,
        _c("objected_at", "timestamp", "when the contact objected to processing"),
    ),
    key=("contact_id", "known_at"),
    versioned=True,
    match_keys=MATCH_KEYS,
)

EVENTS = TableSchema(
    "events",
    "what happened between the brand and an account",
    (
        _c("occurred_at*", "timestamp", "when it happened"),
        _c("event_type*", "text", "canonical type, e.g. web_visit, email_open, form_fill, meeting"),
        _c("account_id", "id", "the account; or give contact_id"),
        _c("event_id", "id", "the event's id; duplicates of an id are dropped"),
        _c("contact_id", "id", "the contact"),
        _c("channel", "text", "channel"),
        _c("campaign_id", "id", "campaign"),
        _c("content_id", "id", "content item"),
        _c("variant_id", "id", "variant shown in a test"),
        _c("funnel_stage", "text", "funnel stage", allowed=("tofu", "mofu", "bofu")),
        _c("minutes", "number", "minutes spent", minimum=0),
        _c("value", "number", "any number the event carries, e.g. an order's amount"),
        _c("sentiment", "number", "sentiment", minimum=-1, maximum=1),
        _c("direction", "text", "who began it", allowed=("inbound", "outbound")),
        _KNOWN_AT,
    ),
    key=("event_id",),
    on_duplicate="drop",
    match_keys=MATCH_KEYS,
)

OPPORTUNITIES = TableSchema(
    "opportunities",
    "deals, open and closed; several rows of one opportunity are versions in time",
    (
        _c("opportunity_id*", "id", "the opportunity's id"),
        _c("account_id*", "id", "the account"),
        _c("created_at*", "timestamp", "when it was opened"),
        _c("kind", "text", "kind; empty = new", allowed=("new", "cross_sell", "upsell", "renewal")),
        _c("stage", "text", "stage"),
        _c("closed_at", "timestamp", "when it was won or lost; empty = open"),
        _c("is_won", "boolean", "won (true) or lost (false); empty = open"),
        _c("amount", "number", "contract value"),
        _c("gross_margin", "number", "gross margin in money"),
        _c("currency", "text", "ISO 4217 currency; empty = project currency"),
        _c("contract_months", "number", "contract length in months", minimum=0),
        _c("cancelled_at", "timestamp", "when a won contract was cancelled"),
        _KNOWN_AT,
    ),
    key=("opportunity_id", "known_at"),
    versioned=True,
    match_keys=MATCH_KEYS,
)

INVOICES = TableSchema(
    "invoices",
    "what was billed: realised revenue and retention",
    (
        _c("account_id*", "id", "the account"),
        _c("invoiced_on*", "timestamp", "invoice date"),
        _c("invoice_id", "id", "the invoice's id"),
        _c("amount", "number", "amount; negative for credit notes"),
        _c("currency", "text", "ISO 4217 currency; empty = project currency"),
        _c("opportunity_id", "id", "the opportunity it bills"),
        _KNOWN_AT,
    ),
    match_keys=MATCH_KEYS,
)

CAMPAIGNS = TableSchema(
    "campaigns",
    "marketing campaigns",
    (
        _c("campaign_id*", "id", "the campaign's id"),
        _c("campaign_name", "text", "name"),
        _c("budget", "number", "budget, project currency", minimum=0),
        _c("from", "timestamp", "start"),
        _c("to", "timestamp", "end"),
        _c("channel", "text", "channel"),
    ),
    key=("campaign_id",),
)

CONTENT = TableSchema(
    "content",
    "content items",
    (
        _c("content_id*", "id", "the item's id"),
        _c("title", "text", "title"),
        _c("funnel_stage", "text", "funnel stage", allowed=("tofu", "mofu", "bofu")),
        _c("landing_page", "text", "landing page"),
    ),
    key=("content_id",),
)

COSTS = TableSchema(
    "costs",
    "what was spent",
    (
        _c("incurred_on*", "timestamp", "when"),
        _c(
            "kind*",
            "text",
            "kind of cost",
            allowed=("hours", "media", "platform", "salaries", "overhead", "onboarding", "support", "other"),
        ),
        _c("campaign_id", "id", "campaign"),
        _c("content_id", "id", "content item"),
        _c("account_id", "id", "account"),
        _c("hours", "number", "hours worked", minimum=0),
        _c("hourly_rate", "number", "money an hour", minimum=0),
        _c("amount", "number", "money"),
        _c("currency", "text", "ISO 4217 currency; empty = project currency"),
    ),
)

DISPOSITIONS = TableSchema(
    "dispositions",
    "what sales did with an MQA",
    (
        _c("account_id*", "id", "the account"),
        _c("decided_at*", "timestamp", "when"),
        _c("disposition*", "text", "the answer", allowed=("accepted", "rejected", "recycled")),
        _c("reason", "text", "reason given"),
    ),
)

EXPERIMENTS = TableSchema(
    "experiments",
    "random assignments of accounts to arms",
    (
        _c("experiment_id*", "id", "the experiment's id"),
        _c("account_id*", "id", "the account"),
        _c("arm*", "text", "arm", allowed=("treatment", "control")),
        _c("assigned_at*", "timestamp", "when"),
        _c("campaign_id", "id", "the campaign under test"),
    ),
    key=("experiment_id", "account_id"),
)

EXCHANGE_RATES = TableSchema(
    "exchange_rates",
    "dated exchange rates into the project currency",
    (
        _c("valid_from*", "timestamp", "valid from"),
        _c("currency*", "text", "ISO 4217 currency"),
        _c("rate*", "number", "one unit of the currency in project currency", minimum=0),
    ),
    key=("currency", "valid_from"),
)

SURVEYS = TableSchema(
    "surveys",
    "answers to surveys",
    (
        _c("account_id*", "id", "the account"),
        _c("answered_at*", "timestamp", "when"),
        _c("nps", "integer", "0 to 10", minimum=0, maximum=10),
        _c("sentiment", "number", "sentiment", minimum=-1, maximum=1),
    ),
)

REFERRALS = TableSchema(
    "referrals",
    "accounts that customers referred",
    (
        _c("referrer_account_id*", "id", "who referred"),
        _c("account_id*", "id", "who was referred"),
        _c("referred_at*", "timestamp", "when"),
    ),
)

ANONYMOUS_TRAFFIC = TableSchema(
    "anonymous_traffic",
    "web sessions that no account could be matched to, by day",
    (
        _c("day*", "timestamp", "day"),
        _c("sessions*", "integer", "sessions", minimum=0),
        _c("channel", "text", "channel"),
    ),
)

#: Every canonical table by name, in the order in which docs and checks list them.
TABLES: dict[str, TableSchema] = {
    t.name: t
    for t in (
        ACCOUNTS,
        TARGET_LIST,
        CONTACTS,
        EVENTS,
        OPPORTUNITIES,
        INVOICES,
        CAMPAIGNS,
        CONTENT,
        COSTS,
        DISPOSITIONS,
        EXPERIMENTS,
        EXCHANGE_RATES,
        SURVEYS,
        REFERRALS,
        ANONYMOUS_TRAFFIC,
    )
}
