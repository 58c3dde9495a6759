"""Marketing-qualified accounts: a status with a history, kept by a state machine that writes a log."""
