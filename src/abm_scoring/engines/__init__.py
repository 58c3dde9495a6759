"""Engines: how partitions are run. The functions they run are the same."""
