"""What the ranked list contains: each column, in order, and what it means."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ListColumn:
    """One column of a published list.

    Attributes:
        decimals: Digits after the decimal sign; None for text and whole numbers.
    """

    name: str
    meaning: str
    decimals: int | None = None


#: Bumped when a column is added, moved or changes its meaning.
LIST_VERSION = 3

RANKED: tuple[ListColumn, ...] = (
    ListColumn("rank", "place on the list, from 1"),
    ListColumn("account_id", "the account's id"),
    ListColumn("account_name", "company name"),
    ListColumn("domain", "web domain"),
    ListColumn("parent_account_id", "the parent company's account_id"),
    ListColumn("owner_id", "sales owner"),
    ListColumn("sector", "sector"),
    ListColumn("employee_count", "employees", 0),
    ListColumn("annual_revenue", "revenue a year, project currency", 0),
    ListColumn("region", "region"),
    ListColumn("country", "country"),
    ListColumn("tier", "level of attention: the best accounts get most; empty where no tier has room"),
    ListColumn("score", "0 to 100: share of the training distribution below this raw score; stable over time", 1),
    ListColumn(
        "score_percentile", "0 to 100: share of today's list at or below this account, by what it is ordered by", 1
    ),
    ListColumn("grade", "A to D by place on today's list"),
    ListColumn(
        "conversion_probability", "probability of conversion within the horizon; empty where the rung claims none", 5
    ),
    ListColumn("probability_low", "lower end of the probability's interval", 5),
    ListColumn("probability_high", "upper end of the probability's interval", 5),
    ListColumn("expected_deal_value", "value of a conversion if it comes, project currency", 0),
    ListColumn("expected_value", "probability × deal value × gross margin rate, project currency", 2),
    ListColumn("fit_score", "0 to 100: the same share as `score` for what the company is", 1),
    ListColumn("engagement_score", "0 to 100: the same share as `score` for what the company does", 1),
    ListColumn("score_previous", "score on the last published run of an earlier day", 1),
    ListColumn("score_change", "points that the score has moved since then", 1),
    ListColumn("score_trend", "up, flat or down over the runs of the last weeks; empty with fewer than three"),
    ListColumn("mqa_status", "none, mqa, accepted, rejected, recycled or expired"),
    ListColumn("mqa_reason", "the rule that set the status"),
    ListColumn("mqa_since", "day since which the status holds"),
    ListColumn("mqa_age_days", "days since then", 0),
    *(ListColumn(f"reason_{i}", "what speaks for the account most, strongest first") for i in range(1, 5)),
    *(ListColumn(f"negative_reason_{i}", "what speaks against it most") for i in range(1, 3)),
    ListColumn("change_reason", "what moved the score most since the run before: behaviour, data or the model"),
    ListColumn("known_contacts", "contacts known; empty without a contacts table"),
    ListColumn("engaged_contacts", "contacts engaged lately"),
    ListColumn("roles_engaged", "buying roles with an engaged contact"),
    ListColumn("roles_missing", "needed buying roles without a known contact"),
    ListColumn("last_activity_at", "day of the last event that the account began"),
    ListColumn("last_sales_touch_at", "day of the last touch by sales, such as a meeting"),
    ListColumn("data_completeness", "0 to 1: share of the model's account columns that are filled", 2),
    ListColumn("rung", "rung of the model ladder behind the score"),
    ListColumn("horizon_days", "days that the probability looks ahead"),
    ListColumn("data_as_of", "day before which all data lie"),
    ListColumn("model_version", "version of the model"),
    ListColumn("config_hash", "hash of the configuration"),
    ListColumn(
        "match_confidence",
        "0 to 1: how sure it is that the account's rows are its own; only where rows were matched",
        2,
    ),
    ListColumn("anonymous_share", "0 to 1: share of all events that no account could be found for", 3),
)

NOT_SCORED: tuple[ListColumn, ...] = (
    ListColumn("account_id", "the account's id"),
    ListColumn("account_name", "company name"),
    ListColumn("owner_id", "sales owner"),
    ListColumn("status", "code of the reason"),
    ListColumn("reason", "why the account was not scored, in words"),
)
