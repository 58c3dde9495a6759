"""Free text → the few values that a model can use: countries, sectors, sizes, roles, tags. Only where a source asks."""
