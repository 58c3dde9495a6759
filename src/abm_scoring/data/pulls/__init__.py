"""Pulls: records of a CRM into a local Parquet file, which ordinary sources read."""
