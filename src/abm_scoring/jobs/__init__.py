"""Jobs: one verb of the command line each, read as one chain on one screen."""
