"""A session of Apache Spark: how it is found or started, and what its failures are called."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from abm_scoring import errors
from abm_scoring.errors import AbmError, MissingInputError, ServiceError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


#: What a session of our own is started with; the config's own settings go before.
_SETTINGS = {
    "spark.driver.maxResultSize": "0",
    "spark.driver.memory": "2g",
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
_QUIET = "rootLogger.level = error\nrootLogger.appenderRef.e.ref = e\nappender.e.type = Console\nappender.e.name = e\n"


def open_session(url: str | None, settings: Mapping[str, str], folder: Path) -> SparkSession:
    """The session to work in: the active one, or one that is started.

    Args:
        url: Of a master or a Spark Connect server; None = the active session, or what the environment says.
        settings: Spark's own, for a session that is started.
        folder: For what the session is configured with; it must outlive the start.
    """
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None and url is None:
        return active
    if url is not None and url.startswith("sc://"):
        return SparkSession.builder.remote(url).getOrCreate()
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        fix = "install a Java 17 runtime, or name a Spark Connect server as engine.url"
        raise MissingInputError("there is no Java, which Spark needs", where="engine", fix=fix)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    quiet = folder / "log4j2.properties"
    quiet.write_text(_QUIET + "appender.e.target = SYSTEM_ERR\nappender.e.layout.type = PatternLayout\n")
    logging = {"spark.driver.extraJavaOptions": f"-Dlog4j.configurationFile=file:{quiet}"}
    builder = SparkSession.builder.appName("abm-scoring")
    if url is not None:
        builder = builder.master(url)
    for name, value in {**_SETTINGS, **logging, **settings}.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


@contextmanager
def told(step: str) -> Iterator[None]:
    """What Spark reports as one line, with what it was doing; what our own code refused in an executor as itself."""
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as error:
        own = _refused(str(error))
        if own is not None:
            raise own from error
        first = next((line.strip() for line in reversed(str(error).splitlines()) if "Error:" in line), str(error))
        what = f"Spark failed while {step}: {first.splitlines()[0][:300]}"
        raise ServiceError(what, where="engine", fix="look into Spark's own log; --debug shows all of it") from error


def _refused(report: str) -> AbmError | None:
    """The error of ours, with its exit code, that a task ended with; None where it was something else."""
    found = re.search(r"abm_scoring\.errors\.(\w+): (.+)", report)
    kind = getattr(errors, found[1], None) if found else None
    return kind(found[2].strip()) if found and isinstance(kind, type) and issubclass(kind, AbmError) else None
