"""One feature task for every engine: 143 columns for every snapshot, from text ids and unsorted Parquet."""
