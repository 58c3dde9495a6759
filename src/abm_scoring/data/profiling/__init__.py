"""What is in the tables, what looks wrong with it, and what that costs."""
