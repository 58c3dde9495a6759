"""Models in MLflow's registry: a mirror of the bundles on disk, best effort; scoring never asks it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from abm_scoring.features.catalogue import Feature
from abm_scoring.learning.bundle import Bundle
from abm_scoring.learning.specs import TrackingSpec
from abm_scoring.learning.tracking import client_of, local_store, uri_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import ModelSignature

#: Alias of the model that scoring uses.
CHAMPION = "champion"
#: Tag of a registered version: the version of the bundle.
VERSION = "model_version"
_EXAMPLE_ROWS = 2


@dataclass(frozen=True)
class Registry:
    """One model's place in a registry.

    Attributes:
        spec: Whether and where.
        folder: Holds the local store where the spec names no URI.
        name: Name of the registered model.
    """

    spec: TrackingSpec
    folder: Path
    name: str

    def register(self, run_id: str, bundle: Bundle, path: Path, champion: bool) -> str | None:
        """Store a bundle with the run that made it and register it.

        Args:
            run_id: The run.
            bundle: The bundle.
            path: Its folder.
            champion: Whether scoring uses it now.

        Returns:
            What went wrong, in words; None where nothing did.
        """

        def work(client: MlflowClient) -> None:
            with tempfile.TemporaryDirectory() as aside:
                _save(Path(aside) / "model", bundle, path)
                client.log_artifacts(run_id, str(Path(aside) / "model"), "model")
            if not client.search_registered_models(f"name = '{self.name}'"):
                client.create_registered_model(self.name, description="account scores of abm-scoring")
            source = f"{client.get_run(run_id).info.artifact_uri}/model"
            made = client.create_model_version(
                self.name, source, run_id, tags={VERSION: bundle.version, "rung": bundle.about.rung}
            )
            if champion:
                client.set_registered_model_alias(self.name, CHAMPION, made.version)

        return self._try("the model was not registered", work)

    def attach(self, run_id: str, folder: Path, name: str) -> str | None:
        """Store a folder with a run, under a name; gives what went wrong, in words."""
        return self._try("the report was not tracked", lambda client: client.log_artifacts(run_id, str(folder), name))

    def promote(self, version: str) -> str | None:
        """Let the alias `champion` name a bundle's registered version; gives what went wrong, in words."""

        def work(client: MlflowClient) -> None:
            found = [v for v in client.search_model_versions(f"name = '{self.name}'") if v.tags.get(VERSION) == version]
            if not found:
                raise LookupError(f"{self.name} has no version with {VERSION} {version}")
            newest = max(found, key=lambda v: int(v.version))
            client.set_registered_model_alias(self.name, CHAMPION, newest.version)

        return self._try("the registry was not told", work)

    def _try(self, failed: str, work: Callable[[MlflowClient], None]) -> str | None:
        if self.spec.kind == "none":
            return None
        try:
            with local_store(self.folder, local=self.spec.uri is None):
                work(client_of(uri_of(self.spec, self.folder)))
        except Exception as error:  # MLflow raises whatever its store, its network or its driver raises.
            line = str(error).strip().splitlines()
            return f"{failed}: {type(error).__name__}: {line[0] if line else ''}"
        return None


def _save(target: Path, bundle: Bundle, path: Path) -> None:
    """Write MLflow's form of the model: the code of `pyfunc_model`, the bundle, a signature, an example."""
    import mlflow.pyfunc

    from abm_scoring import __version__

    catalogue = bundle.about.catalogue
    mlflow.pyfunc.save_model(
        target,
        python_model=str(Path(__file__).with_name("pyfunc_model.py")),
        artifacts={"bundle": str(path)},
        signature=_signature(catalogue),
        input_example=bundle.golden.frame(catalogue).head(_EXAMPLE_ROWS),
        # Given, because finding them out would load the model in another process.
        pip_requirements=[f"abm-scoring=={__version__}"],
    )


def _signature(catalogue: tuple[Feature, ...]) -> ModelSignature:
    """Doubles and strings, none of them required: a feature that is not known may be left out."""
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, DataType, Schema

    kinds = {"number": DataType.double, "category": DataType.string}
    return ModelSignature(inputs=Schema([ColSpec(kinds[f.kind], f.name, required=False) for f in catalogue]))
