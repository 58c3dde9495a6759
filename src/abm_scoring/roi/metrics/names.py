"""Names of all figures by metric, so that a configuration can be checked without loading what measures them."""

from __future__ import annotations

#: Metric → its figures, the main one first; a test holds it equal to the catalogue.
FIGURES: dict[str, tuple[str, ...]] = {
    "account_traffic": (
        "account_traffic",
        "account_traffic_share",
    ),
    "reach": (
        "reach",
        "reach_contacts",
        "reach_accounts_at_goal",
        "reach_committee",
        "reach_accounts_with_committee",
    ),
    "role_coverage": (
        "role_coverage",
        "role_coverage_engaged",
    ),
    "content_engagement_rate": (
        "content_engagement_rate",
        "content_engagement_rate_by_channel",
        "content_dwell_minutes",
        "content_downloads",
    ),
    "email_open_rate": ("email_open_rate",),
    "email_click_rate": ("email_click_rate",),
    "email_reply_rate": ("email_reply_rate",),
    "ad_engagement_rate": ("ad_engagement_rate",),
    "content_conversion_rate": ("content_conversion_rate",),
    "impressions": ("impressions",),
    "brand_sentiment": ("brand_sentiment",),
    "sales_conversations": (
        "sales_conversations",
        "contacts_champion",
        "contacts_supporter",
        "contacts_blocker",
    ),
    "social_engagements": ("social_engagements",),
    "mqa_accounts": ("mqa_accounts",),
    "mqa_rate": ("mqa_rate",),
    "sql_accounts": ("sql_accounts",),
    "touches_to_qualification": (
        "touches_to_qualification",
        "touches_to_qualification_q1",
        "touches_to_qualification_q3",
        "touches_in_band",
    ),
    "days_to_identify": ("days_to_identify",),
    "days_to_close": (
        "days_to_close",
        "days_to_close_mean",
        "won_within_90_days",
        "won_within_180_days",
        "won_within_365_days",
    ),
    "influenced_pipeline": (
        "influenced_pipeline",
        "sourced_pipeline",
        "engaged_of_addressable",
    ),
    "target_conversion": (
        "target_conversion",
        "mqa_to_sql",
        "sql_to_opportunity",
        "opportunity_to_won",
    ),
    "win_rate": ("win_rate",),
    "interaction_conversion_rate": ("interaction_conversion_rate",),
    "average_deal_value": (
        "average_deal_value",
        "median_deal_value",
    ),
    "pipeline_velocity": ("pipeline_velocity",),
    "acv": ("acv",),
    "clv": (
        "clv",
        "clv_expansion",
    ),
    "cac_simple": ("cac_simple",),
    "cac_full": ("cac_full",),
    "clv_to_cac": ("clv_to_cac",),
    "cac_payback_months": ("cac_payback_months",),
    "tam": ("tam",),
    "expansion_revenue": (
        "expansion_revenue",
        "expansion_share",
    ),
    "referrals": (
        "referrals",
        "referrals_converted",
    ),
    "nps": ("nps",),
    "retention_rate": ("retention_rate",),
    "net_revenue_retention": ("net_revenue_retention",),
    "cost_per": (
        "cost_per",
        "cost_per_opportunity",
        "cost_per_mqa",
        "cost_per_engaged_account",
        "cost_per_campaign",
        "cost_per_content_item",
    ),
    "roi": ("roi",),
    "incremental_roi": ("incremental_roi",),
    "associational_roi": ("associational_roi",),
}
