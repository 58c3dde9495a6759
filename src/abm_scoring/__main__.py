"""`python -m abm_scoring`."""

from abm_scoring.cli import main

main()
