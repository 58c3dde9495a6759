"""How a source asks for texts to be normalised."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Literal

import pandas as pd
import pyarrow as pa
from pydantic import Field

from abm_scoring.data.normalise import texts
from abm_scoring.spec import Spec


class NormaliseSpec(Spec):
    """One column's texts as values of a small vocabulary; texts that are not recognised follow `otherwise`."""

    kind: Literal["country", "band", "sector", "seniority", "buying_role"] = Field(
        description="country: ISO code; band: number of `201-500`; sector; seniority or buying_role: of a job title"
    )
    otherwise: Literal["keep", "empty"] = Field("keep", description="what becomes of a text that is not recognised")

    def function(self) -> Callable[[str], str | None]:
        """Text → value, None where it is not recognised."""
        return {
            "country": texts.country_code,
            "band": texts.band_middle,
            "sector": texts.sector_of,
            "seniority": texts.seniority_of,
            "buying_role": texts.buying_role_of,
        }[self.kind]


class TagsSpec(Spec):
    """Tags from free text by a stated dictionary."""

    kind: Literal["tags"] = "tags"
    dictionary: dict[str, tuple[str, ...]] = Field(
        min_length=1, description="tag: words that give it, e.g. sustainability: [sustainab, nachhaltig]"
    )
    otherwise: Literal["keep", "empty"] = Field("empty", description="what becomes of a text without any of the words")

    def function(self) -> Callable[[str], str | None]:
        """Text → tags joined by `;`, None without any."""
        return partial(texts.tags_of, dictionary=self.dictionary)


Normalise = Annotated[NormaliseSpec | TagsSpec, Field(discriminator="kind")]


def normalised(column: pa.ChunkedArray, spec: NormaliseSpec | TagsSpec) -> pa.ChunkedArray:
    """A text column with each distinct text replaced by its value.

    Args:
        column: n texts.
        spec: What they are.
    """
    codes, distinct = pd.factorize(column.to_pandas())
    function = spec.function()
    values = [function(str(text)) or (str(text) if spec.otherwise == "keep" else None) for text in distinct]
    found = pa.array(values, pa.string()).take(pa.array(codes, mask=codes < 0))
    return pa.chunked_array([found])
