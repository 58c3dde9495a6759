"""A sign of life: after a night that went well, one request to an address of the user's choice."""

from __future__ import annotations

import os

from abm_scoring.cli.logs import say

#: Environment variable with the address. It may hold a secret, so it stands in no file and in no message.
HEARTBEAT = "ABM_SCORING_HEARTBEAT_URL"
_SECONDS = 5.0


def heartbeat() -> None:
    """GET the address, where there is one; whatever goes wrong is a warning and never ends the command."""
    address = os.environ.get(HEARTBEAT)
    if not address:
        return
    from urllib.request import urlopen

    if not address.startswith(("https://", "http://")):
        say("warning", f"{HEARTBEAT} is no http address, so no sign of life was sent")
        return
    try:
        with urlopen(address, timeout=_SECONDS) as answer:
            answer.read(1)
    except Exception as error:  # a monitoring service that is down, slow or wrong must not fail a night
        say("warning", f"the sign of life could not be sent ({type(error).__name__})")
