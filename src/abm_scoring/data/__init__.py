"""Tables in: canonical schema, sources, dialects, checks, and the demo market."""
