"""A fictional B2B market of which everything is known."""
