"""Ranking: from scores to an ordered list."""
