"""What goes between the driver and its executors, as bytes: Arrow for tables, JSON for the rest, no pickle."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from abm_scoring.data.checks import REJECT_COLUMNS, Conformed
from abm_scoring.data.piece_links import LinkTally
from abm_scoring.data.violations import Violation
from abm_scoring.engines.scoring import ScoredAccounts
from abm_scoring.engines.tally import EventTally
from abm_scoring.engines.training_part import Drawn, Part
from abm_scoring.engines.training_task import Counts, Question
from abm_scoring.features.context import Context, Peers, Trials
from abm_scoring.features.survey import Survey
from abm_scoring.learning.aftermath import Aftermath
from abm_scoring.learning.value_sources import Recorded

if TYPE_CHECKING:
    from abm_scoring.learning.bundle import Bundle

_PACKED = pa.ipc.IpcWriteOptions(compression="lz4")


def table_bytes(table: pa.Table) -> bytes:
    """A table in Arrow's stream format."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=_PACKED) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def table_from(data: bytes) -> pa.Table:
    """What `table_bytes` wrote."""
    with pa.ipc.open_stream(data) as reader:
        return reader.read_all()


def frame_bytes(frame: pd.DataFrame) -> bytes:
    """A frame with its dtypes."""
    return table_bytes(pa.Table.from_pandas(frame, preserve_index=False))


def frame_from(data: bytes) -> pd.DataFrame:
    """What `frame_bytes` wrote, with the same dtypes."""
    return table_from(data).to_pandas()


def context_text(context: Context) -> str:
    """A context as JSON; numbers are written so that the same ones are read."""
    peers = [
        [*key, {sector: [p.counts.tolist(), p.up_to.tolist(), p.n] for sector, p in sectors.items()}]
        for key, sectors in context.peers.items()
    ]
    trials = [
        [*key, {d: {v: [t.matured.tolist(), t.converted.tolist()] for v, t in own.items()} for d, own in found.items()}]
        for key, found in context.trials.items()
    ]
    customers = {d: {v: since.tolist() for v, since in own.items()} for d, own in context.customers.items()}
    return json.dumps({"customers": customers, "peers": peers, "trials": trials})


def context_from(text: str) -> Context:
    """What `context_text` wrote."""
    told = json.loads(text)
    return Context(
        {d: {v: np.array(m, "int64") for v, m in values.items()} for d, values in told["customers"].items()},
        {
            (window, day): {s: Peers(np.array(c, "float64"), np.array(u, "int64"), n) for s, (c, u, n) in own.items()}
            for window, day, own in told["peers"]
        },
        {
            (horizon, settle): {
                d: {v: Trials(np.array(m, "int64"), np.array(c, "int64")) for v, (m, c) in values.items()}
                for d, values in own.items()
            }
            for horizon, settle, own in told["trials"]
        },
    )


def scored_bytes(scored: ScoredAccounts) -> tuple[bytes, str]:
    """Scores of a partition: its rows, and everything else as JSON."""
    about = {
        "counts": {name: counts.tolist() for name, counts in scored.counts.items()},
        "unseen": dict(scored.unseen),
        "events": scored.events.as_dict(),
    }
    return frame_bytes(scored.rows), json.dumps(about)


def scored_from(rows: bytes, about: str) -> ScoredAccounts:
    """What `scored_bytes` wrote."""
    told = json.loads(about)
    counts = {name: np.array(values, "int64") for name, values in told["counts"].items()}
    return ScoredAccounts(frame_from(rows), counts, told["unseen"], EventTally(**told["events"]))


def answer_bytes(answer: Survey | Counts | Context | Part) -> tuple[bytes, str]:
    """What a partition says to a question of training: its rows, and everything else as JSON."""
    if isinstance(answer, Context):
        return b"", context_text(answer)
    if not isinstance(answer, Part):
        return b"", answer.model_dump_json()
    frames = {"recorded": answer.recorded.facts}
    for name, drawn in (("matured", answer.matured), ("waiting", answer.waiting)):
        if drawn is not None:
            frames |= {f"{name}.rows": drawn.rows, f"{name}.features": drawn.features}
    blobs = {name: frame_bytes(frame) for name, frame in frames.items()}
    sizes = {name: len(blob) for name, blob in blobs.items()}
    after = {name: asdict(counts) for name, counts in answer.aftermath.items()}
    return b"".join(blobs.values()), json.dumps({"sizes": sizes, "aftermath": after})


def answer_from(question: Question, blob: bytes, about: str) -> Survey | Counts | Context | Part:
    """What `answer_bytes` wrote."""
    if question == "survey":
        return Survey.model_validate_json(about)
    if question == "counts":
        return Counts.model_validate_json(about)
    if question == "context":
        return context_from(about)
    told, frames, begin = json.loads(about), {}, 0
    for name, size in told["sizes"].items():
        frames[name] = frame_from(blob[begin : begin + size])
        begin += size
    matured, waiting = (
        Drawn(frames[f"{name}.rows"], frames[f"{name}.features"]) if f"{name}.rows" in frames else None
        for name in ("matured", "waiting")
    )
    after = {name: Aftermath(**counts) for name, counts in told["aftermath"].items()}
    return Part(matured, waiting, Recorded(frames["recorded"]), after)


def report_text(conformed: Conformed, links: LinkTally, content: int) -> str:
    """What was counted of some events, as JSON."""
    newest = links.newest.isoformat() if links.newest is not None else None
    return json.dumps(
        {
            "rows_in": conformed.rows_in,
            "rejected": conformed.rejected,
            "violations": [violation.as_dict() for violation in conformed.violations],
            "rejects": conformed.rejects.to_dict("list"),
            "links": {**asdict(links), "newest": newest},
            "content": content,
        }
    )


def report_from(text: str) -> tuple[Conformed, LinkTally, int]:
    """What `report_text` wrote; the table itself is not in it."""
    told = json.loads(text)
    violations = tuple(Violation(**_tuples(one)) for one in told["violations"])
    kinds = {name: "int64" if name == "row" else "str" for name in REJECT_COLUMNS}
    lines = pd.DataFrame(told["rejects"], columns=list(REJECT_COLUMNS)).astype(kinds)
    links = {
        **_tuples(told["links"]),
        "newest": pd.Timestamp(told["links"]["newest"]) if told["links"]["newest"] else None,
    }
    done = Conformed(pd.DataFrame(), violations, lines, told["rows_in"], told["rejected"], 0, False)
    return done, LinkTally(**links), told["content"]


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def bundle_files(bundle: Bundle) -> dict[str, bytes]:
    """The files of a bundle."""
    from abm_scoring.learning.bundle import write_bundle

    with tempfile.TemporaryDirectory(prefix="abm-scoring-") as folder:
        write_bundle(Path(folder), bundle)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


@lru_cache(maxsize=2)
def bundle_of(files: tuple[tuple[str, bytes], ...]) -> Bundle:
    """The bundle of some files, proved by its golden rows, once a process."""
    from abm_scoring.learning.bundle import read_bundle

    with tempfile.TemporaryDirectory(prefix="abm-scoring-") as folder:
        for name, content in files:
            (Path(folder) / name).write_bytes(content)
        return read_bundle(Path(folder))
