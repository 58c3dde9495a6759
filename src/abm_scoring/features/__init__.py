"""Point-in-time features: the time door, snapshots, cohort, and the feature families."""
