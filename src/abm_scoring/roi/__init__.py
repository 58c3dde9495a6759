"""Did it pay off: costs, credit, effect, forecast against what came in, budget."""
