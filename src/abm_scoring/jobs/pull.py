"""Pull: records of CRMs into the local files that a project's sources read. Scoring itself never asks a service."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from abm_scoring.data.pulls.hubspot import HubSpotClient
from abm_scoring.data.pulls.pages import Sleep
from abm_scoring.data.pulls.salesforce import SalesforceClient
from abm_scoring.data.pulls.spec import HubSpotPull
from abm_scoring.data.pulls.store import Pulled
from abm_scoring.data.pulls.store import pull as pull_one
from abm_scoring.errors import UsageError
from abm_scoring.jobs.workspace import Progress, Workspace, silent
from abm_scoring.paths import confine
from abm_scoring.publish.lock import folder_lock
from abm_scoring.spec_problems import near


def pull(
    workspace: Workspace,
    now: datetime,
    names: Sequence[str] = (),
    full: bool = False,
    progress: Progress = silent,
    sleep: Sleep = time.sleep,
) -> list[Pulled]:
    """Bring the files of `pulls` up to date.

    Args:
        workspace: Config and folders.
        now: The clock.
        names: Which of them; none = all, in the order of the config.
        full: Fetch everything anew.
        progress: Told of each pull.
        sleep: How to wait between attempts.

    Raises:
        UsageError: There is no pull of that name.
        ServiceError: A service does not answer; what came is kept, and the next pull goes on from there.
        BusyError: Another pull writes there.
    """
    pulls = workspace.config.pulls
    for name in names:
        if name not in pulls:
            fix = near(name, pulls) or f"there are: {', '.join(pulls) or 'none'}"
            raise UsageError(f"there is no pull {name!r}", where="pulls", fix=fix)
    done = []
    for at, name in enumerate(names or pulls):
        progress(f"pulling {name}", at, len(names or pulls))
        spec, where = pulls[name], f"pulls.{name}"
        client = HubSpotClient(spec, where) if isinstance(spec, HubSpotPull) else SalesforceClient(spec, where)
        target = Path(confine(spec.to, workspace.data_root, f"{where}.to"))
        target.parent.mkdir(parents=True, exist_ok=True)
        with folder_lock(target.parent):
            done.append(pull_one(name, spec, client, target, now, full, sleep))
    return done
