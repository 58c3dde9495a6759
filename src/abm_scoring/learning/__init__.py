"""Learning: labels, splits, encoding, models, calibration, evaluation, reasons, bundle, tracking."""
