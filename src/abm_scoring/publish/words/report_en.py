"""English: the texts of reports are the keys themselves; only codes that are names need their spelling."""

from __future__ import annotations

from abm_scoring.publish.words.report_texts import ReportTexts

ENGLISH = ReportTexts(
    pages={},
    codes={
        "sql accounts": "SQL accounts",
        "mqa accounts": "MQA accounts",
        "mqa rate": "MQA rate",
        "mqa to sql": "MQA to SQL",
        "sql to opportunity": "SQL to opportunity",
        "cost per": "cost per deal",
        "cost per mqa": "cost per MQA",
        "acv": "ACV",
        "clv": "CLV",
        "clv expansion": "CLV of expansion",
        "cac simple": "CAC, simple",
        "cac full": "CAC, full",
        "clv to cac": "CLV ÷ CAC",
        "cac payback months": "payback of CAC",
        "tam": "TAM",
        "nps": "NPS",
        "roi": "ROI on credit",
        "incremental roi": "incremental_roi",
        "associational roi": "associational_roi",
        "u shaped": "U-shaped",
        "w shaped": "W-shaped",
        "markov": "Markov",
        "markov 2": "Markov 2",
        "markov 3": "Markov 3",
        "shapley": "Shapley",
    },
    told={},
)
