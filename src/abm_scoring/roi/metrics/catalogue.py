"""All metrics, in the order in which reports and docs list them."""

from __future__ import annotations

from abm_scoring.roi.metrics import attention as a
from abm_scoring.roi.metrics import customers as c
from abm_scoring.roi.metrics import pipeline as p
from abm_scoring.roi.metrics import relationships as r
from abm_scoring.roi.metrics import returns as m
from abm_scoring.roi.metrics.declaration import Metric

METRICS: tuple[Metric, ...] = (
    a.ACCOUNT_TRAFFIC,
    r.REACH,
    r.ROLE_COVERAGE,
    a.CONTENT_ENGAGEMENT,
    a.EMAIL_OPEN,
    a.EMAIL_CLICK,
    a.EMAIL_REPLY,
    a.AD_ENGAGEMENT,
    a.CONTENT_CONVERSION,
    a.IMPRESSIONS,
    a.BRAND_SENTIMENT,
    r.SALES_CONVERSATIONS,
    a.SOCIAL,
    r.MQA_ACCOUNTS,
    r.MQA_RATE,
    r.SQL_ACCOUNTS,
    r.TOUCHES,
    r.DAYS_TO_IDENTIFY,
    p.DAYS_TO_CLOSE,
    p.INFLUENCED_PIPELINE,
    p.TARGET_CONVERSION,
    p.WIN_RATE,
    p.INTERACTION_CONVERSION,
    p.AVERAGE_DEAL_VALUE,
    p.PIPELINE_VELOCITY,
    c.ACV,
    c.CLV,
    m.CAC_SIMPLE,
    m.CAC_FULL,
    m.CLV_TO_CAC,
    m.CAC_PAYBACK,
    c.TAM,
    c.EXPANSION,
    c.REFERRALS,
    c.NPS,
    c.RETENTION,
    c.NET_REVENUE_RETENTION,
    m.COST_PER,
    m.ROI,
    m.INCREMENTAL_ROI,
    m.ASSOCIATIONAL_ROI,
)
BY_ID: dict[str, Metric] = {metric.id: metric for metric in METRICS}
