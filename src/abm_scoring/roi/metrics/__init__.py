"""KPIs: each metric declared once, measured over prepared columns, reported with its interval or its reason."""
