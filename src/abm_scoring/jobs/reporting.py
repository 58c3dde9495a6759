"""What the reports share: facts as known on a day, and how a report is published."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from abm_scoring.data.loading import Loaded
from abm_scoring.data.tables import Tables
from abm_scoring.jobs.decisions import NOT_SCORED
from abm_scoring.jobs.ledger import Link, chain, frozen_scores, transitions
from abm_scoring.jobs.workspace import Progress, Workspace, load
from abm_scoring.publish.lock import folder_lock
from abm_scoring.publish.manifest import installed_versions
from abm_scoring.publish.pruning import beyond
from abm_scoring.publish.report import ReportPage, write_report
from abm_scoring.publish.report.voice import Voice
from abm_scoring.publish.report.workbook import write_workbook
from abm_scoring.publish.runs import read_link, run_id
from abm_scoring.publish.staged import make_output_folder, publish_folder, remove_folders
from abm_scoring.ranking.mqa.log import MQA
from abm_scoring.roi.cost_lines import priced
from abm_scoring.roi.cost_spec import CostSpec
from abm_scoring.roi.metrics.observed import Given
from abm_scoring.roi.metrics.prepared import Prepared
from abm_scoring.roi.past import as_known

Found = TypeVar("Found")

#: Files of a report.
HTML, XLSX, JSON = "report.html", "report.xlsx", "report.json"


@dataclass(frozen=True)
class Facts:
    """Everything that was known on the day of a report.

    Attributes:
        loaded: How the tables were read.
        tables: As known before `as_of`, in the project's currency.
        links: The chain of runs before `as_of`.
        last: The last list, that of `as_of` itself included: all that it knows lies before it too.
    """

    workspace: Workspace
    as_of: pd.Timestamp
    loaded: Loaded
    tables: Tables
    links: Sequence[Link]
    last: Link | None
    warnings: tuple[str, ...]

    def prepared(self, given: Mapping[str, Given] | None = None) -> Prepared:
        """The columns that metrics read."""
        config = self.workspace.config
        log = transitions(self.links)
        kept = config.scoring.mqa is not None or len(log) > 0
        return Prepared.of(
            self.tables,
            config.roi.kpis,
            config.profile,
            config.roi.gross_margin_rate,
            config.roi.returns,
            mqa_spells(log) if kept and self.links else None,
            _scored(self.links),
            given,
        )

    @property
    def content(self) -> str:
        """Hash of all that determines the report."""
        determines = {
            "inputs": dict(self.loaded.fingerprints),
            "config": self.workspace.config_hash,
            "package": installed_versions(()).package,
            "as_of": self.as_of.isoformat(),
            "runs": [link.manifest.run_id for link in self.links],
            "last": self.last.manifest.run_id if self.last else None,
        }
        return hashlib.sha256(json.dumps(determines, sort_keys=True).encode()).hexdigest()


def facts(workspace: Workspace, as_of: pd.Timestamp, today: bool, progress: Progress) -> Facts:
    """Read the tables and the ledger as they were known on a day.

    Args:
        workspace: Config and folders.
        as_of: Nothing that happened or was learned at or after this moment is taken in.
        today: Whether that is the real today.
        progress: Told of each step.
    """
    progress("reading tables", 0, 0)
    loaded, tables, warnings = load(workspace, as_of, today)
    config = workspace.config
    known = _priced(as_known(tables, as_of), config.roi.costs, config.project.currency)
    links = chain(workspace.runs, as_of + pd.Timedelta(microseconds=1))
    before = [link for link in links if link.as_of < as_of]
    return Facts(workspace, as_of, loaded, known, before, links[-1] if links else None, warnings)


def _priced(tables: Tables, spec: CostSpec, currency: str) -> Tables:
    """Costs with an amount in the project's currency."""
    if "costs" not in tables:
        return tables
    costs = tables["costs"]
    amount = priced(costs, spec, currency, tables["exchange_rates"])
    return tables.replace(costs=costs.assign(amount=amount, currency=currency))


def mqa_spells(log: pd.DataFrame) -> pd.DataFrame:
    """MQA spells of a log of transitions: `account_id`, `entered_at`, `left_at` (NaT = still open)."""
    ordered = log.sort_values(["account_id", "as_of"], kind="stable", ignore_index=True)
    same = ordered["account_id"].eq(ordered["account_id"].shift(-1))
    left = ordered["as_of"].shift(-1).where(same)
    rows = (ordered["to"] == MQA).to_numpy(bool)
    found = ordered.loc[rows, ["account_id", "as_of"]].rename(columns={"as_of": "entered_at"})
    return found.assign(left_at=left[rows].astype("datetime64[us, UTC]")).reset_index(drop=True)


def _scored(links: Sequence[Link]) -> pd.DataFrame | None:
    """Accounts that runs scored: `account_id`, `as_of`."""
    parts = []
    for link in links:
        rows = frozen_scores(link, ["account_id", "list"])
        assert rows is not None
        parts.append(rows.loc[rows["list"] != NOT_SCORED, ["account_id"]].assign(as_of=link.as_of))
    return pd.concat(parts, ignore_index=True) if parts else None


@dataclass(frozen=True)
class Shown:
    """A report in its three forms.

    Attributes:
        page: The page.
        sheets: Tables of the workbook.
        told: What stands in the JSON file.
    """

    page: ReportPage
    sheets: Mapping[str, pd.DataFrame]
    told: Mapping[str, Any]


def report(
    kind: str,
    workspace: Workspace,
    as_of: pd.Timestamp,
    today: bool,
    progress: Progress,
    gather: Callable[[Facts, Progress], Found],
    show: Callable[[Found, Workspace], Shown],
) -> tuple[Found, Path]:
    """Gather what was known on a day and publish it.

    Args:
        kind: `kpis` or `roi`.
        workspace: Config and folders.
        as_of: Nothing that happened or was learned at or after this moment is taken in.
        today: Whether that is the real today.
        progress: Told of each step.
        gather: Makes values of the facts.
        show: Makes a report of the values.

    Returns:
        The values, and the folder that the report stands in.
    """
    known = facts(workspace, as_of, today, progress)
    found = gather(known, progress)
    progress("publishing", 0, 0)
    return found, publish_report(known, kind, show(found, workspace))


def publish_report(known: Facts, kind: str, shown: Shown) -> Path:
    """Publish a report as a folder of HTML, XLSX and JSON; `latest` names the newest day's.

    It stands as `reports/<project>/<kind>/<day>-<hash>`. A second report of the same facts has the same bytes and
    changes nothing. Where `retention.reports` says so, the oldest are removed.

    Args:
        known: The facts it is made of.
        kind: `kpis` or `roi`.
        shown: The report.

    Raises:
        OutputError: It cannot be written, or a report of this name was altered (73).
    """
    folder = known.workspace.out / "reports" / known.workspace.name / kind
    for level in (known.workspace.out, folder.parent.parent, folder.parent, folder):
        make_output_folder(level)
    local = known.as_of.tz_convert(known.workspace.config.project.timezone)
    day = local.tz_localize(None).tz_localize("UTC") if local == local.normalize() else known.as_of
    name = run_id(day.to_pydatetime(), known.content)

    def write(draft: Path) -> None:
        write_report(shown.page, draft / HTML)
        write_workbook(_worded(shown), draft / XLSX, shown.page.title)
        text = json.dumps(plain(shown.told), indent=1, ensure_ascii=False, allow_nan=False)
        (draft / JSON).write_text(text + "\n", encoding="utf-8", newline="\n")

    with folder_lock(folder):
        current = read_link(folder / "latest")
        newest = current is None or name[:10] >= current[:10]
        made = publish_folder(folder, name, "latest", write, newest, apart=())
        keep = known.workspace.config.retention.reports
        if keep is not None:
            # The newest day's stays, and so does what was just asked for.
            always = {made.name, read_link(folder / "latest") or ""}
            remove_folders(folder, beyond(_reports(folder), keep, always))
    return made


def _worded(shown: Shown) -> Mapping[str, pd.DataFrame]:
    """The workbook's sheets in the language of the page; English ones keep the names that programs know."""
    if shown.page.language == "en":
        return shown.sheets
    voice = Voice(shown.page.language, shown.page.currency)
    return {voice.say(name): voice.frame(frame) for name, frame in shown.sheets.items()}


def _reports(folder: Path) -> list[Path]:
    """Published reports of a kind, oldest day first."""
    return sorted(p for p in folder.iterdir() if (p / JSON).is_file() and not p.is_symlink())


def plain(value: Any) -> Any:
    """JSON values: what is not finite is null, moments are ISO text, tables are lists of rows."""
    if isinstance(value, pd.DataFrame):
        return [plain(row) for row in value.to_dict("records")]
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value.isoformat() if isinstance(value, pd.Timestamp) else value
