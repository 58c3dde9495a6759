"""Credit rules side by side: what each says of the same paths, and how far they disagree."""
