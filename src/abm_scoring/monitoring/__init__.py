"""Whether a night may be trusted: gates before it is published, drift and calibration after."""
