"""The market in HubSpot's shape becomes the market again: histories, mail addresses, planned dates and all."""

from __future__ import annotations

import pandas as pd
import pytest
from pydantic import TypeAdapter

from abm_scoring.data.file_sources import CsvSource, ParquetSource
from abm_scoring.data.loading import Loaded, load_tables
from abm_scoring.data.market.hubspot import SOURCES, write_hubspot
from abm_scoring.data.market.market import Market, make_market, write_market
from abm_scoring.data.market.spec import MarketSpec
from abm_scoring.data.matching.spec import MatchingSpec
from abm_scoring.data.sources import Source


@pytest.fixture(scope="module")
def market() -> Market:
    return make_market(MarketSpec(accounts=200, seed=5, events_per_account=12))


@pytest.fixture(scope="module")
def loaded(market: Market, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    folder = tmp_path_factory.mktemp("hubspot")
    write_hubspot(market.tables, folder)
    source: TypeAdapter[Source] = TypeAdapter(Source)
    shaped = {name: source.validate_python(spec) for name, spec in SOURCES.items()}
    others = {n: CsvSource(path=f"{n}.csv") for n in market.tables if n not in SOURCES}
    return load_tables({**shaped, **others}, folder, matching=MatchingSpec())


@pytest.fixture(scope="module")
def canonical(market: Market, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    folder = tmp_path_factory.mktemp("canonical")
    paths = write_market(market, folder)
    kinds = {".csv": CsvSource, ".parquet": ParquetSource}
    return load_tables({n: kinds[paths[n].suffix](path=paths[n].name) for n in market.tables}, folder)


@pytest.mark.parametrize("table", ["accounts", "contacts", "opportunities", "events"])
def test_every_version_of_a_record_comes_back(canonical: Loaded, loaded: Loaded, table: str) -> None:
    before, after = canonical.tables[table], loaded.tables[table]
    key = ["event_id"] if table == "events" else [str(before.columns[0]), "known_at"]
    before, after = before.sort_values(key, ignore_index=True), after.sort_values(key, ignore_index=True)
    assert before[key[0]].duplicated().any() == (table != "events")
    pd.testing.assert_frame_equal(after[list(before)], before)


def test_addresses_never_leave_the_ingest(loaded: Loaded) -> None:
    for name in loaded.tables:
        frame = loaded.tables[name].select_dtypes("str")
        assert not any(frame[c].str.contains("@", regex=False, na=False).any() for c in frame)
