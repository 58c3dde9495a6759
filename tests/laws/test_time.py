"""Point-in-time laws, for every feature family: nothing at or after as_of may move a feature."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.data.tables import Tables
from abm_scoring.engines.partitions import Partitions
from abm_scoring.features.build import features_at, resolve, shared_context
from abm_scoring.features.history import History
from abm_scoring.learning.labels import EventOccurred, OpportunityCreated, OpportunityWon
from tests.laws.worlds import FAMILIES, PROFILE, World, history_of, make_world

WORLDS = st.integers(0, 10_000).map(make_world)
MOMENTS = {
    "accounts": ("known_at", "customer_since", "partner_since"),
    "contacts": ("known_at", "objected_at"),
    "events": ("occurred_at", "known_at"),
    "opportunities": ("created_at", "closed_at", "known_at"),
    "invoices": ("invoiced_on", "known_at"),
}
few = settings(max_examples=8, deadline=None)


def features(world: World, rows: pd.DataFrame, tables: Tables | None = None) -> pd.DataFrame:
    """Every family beside the others; the name of a column that breaks a law tells whose it is."""
    # Resolved on the unchanged world, as a model resolves its features once and replays them.
    return features_at(world.history if tables is None else history_of(tables), rows, world.specs)


def future(frame: pd.DataFrame, table: str, as_of: pd.Timestamp) -> np.ndarray:
    """Rows that could not be known before as_of: any of the moments that make them visible is at or after it."""
    late = np.zeros(len(frame), bool)
    for column in {"accounts": ["known_at"], "contacts": ["known_at"]}.get(table, list(MOMENTS[table])):
        if column not in ("closed_at", "objected_at"):
            late |= (frame[column] >= as_of).to_numpy()
    return late


def rewrite_future(tables: Tables, as_of: pd.Timestamp, how: str) -> Tables:
    """The same past with another future."""
    out = {}
    for name in tables:
        frame = tables[name]
        late = future(frame, name, as_of)
        if how == "delete":
            out[name] = frame[~late].reset_index(drop=True)
            continue
        changed = frame.copy()
        if how == "change":
            numbers = frame.select_dtypes("number").columns
            changed.loc[late, numbers] = frame.loc[late, numbers] * 7 + 1
            out[name] = changed
            continue
        extra = frame.copy()
        moment = {"accounts": "known_at", "contacts": "known_at", "events": "occurred_at"}.get(name)
        moment = moment or {"opportunities": "created_at", "invoices": "invoiced_on"}[name]
        extra[moment] = as_of
        for column in ("known_at",):
            extra[column] = extra[column].mask(extra[column] < as_of, as_of)
        for column in ("event_id", "opportunity_id"):
            if column in extra:
                extra[column] = "new-" + extra[column]
        for column in frame.select_dtypes("number").columns:
            extra[column] = extra[column] * 3 + 1
        out[name] = pd.concat([frame, extra], ignore_index=True)
    # What a row says about a later moment is the future too, even where the row itself is old.
    for name, column in (("accounts", "customer_since"), ("accounts", "partner_since"), ("contacts", "objected_at")):
        stamps = out[name][column]
        out[name] = out[name].assign(**{column: stamps.mask(stamps >= as_of, as_of)})
    opportunities = out["opportunities"]
    unsettled = ~(opportunities["closed_at"] < as_of)
    out["opportunities"] = opportunities.assign(
        closed_at=opportunities["closed_at"].mask(unsettled, as_of),
        is_won=opportunities["is_won"].mask(unsettled, True),
        amount=opportunities["amount"].mask(unsettled & opportunities["known_at"].isna(), 1e9),
    )
    return Tables(out)


def few_worlds_break(seeds: range = range(4)) -> list[str]:
    """Families whose features move with the future in any of a few fixed worlds."""
    broken = set()
    for world in map(make_world, seeds):
        as_of = world.dates[1]
        rows, other = world.history.existing([as_of]), history_of(rewrite_future(world.tables, as_of, "add"))
        for family in [f for f in FAMILIES if f not in broken]:
            specs = resolve([FAMILIES[family]], world.history, PROFILE)
            if not features_at(world.history, rows, specs).equals(features_at(other, rows, specs)):
                broken.add(family)
    return sorted(broken)


@pytest.mark.fault(17)
@given(world=WORLDS)
@few
def test_the_future_cannot_move_a_feature(world: World) -> None:
    as_of = world.dates[1]
    rows = world.history.existing([as_of])
    before = features(world, rows)
    for how in ("change", "delete", "add"):
        after = features(world, rows, rewrite_future(world.tables, as_of, how))
        pd.testing.assert_frame_equal(before, after, check_exact=True, obj=how)


@pytest.mark.fault(19)
@given(world=WORLDS, seed=st.integers(0, 99))
@few
def test_the_order_of_rows_cannot_move_a_feature(world: World, seed: int) -> None:
    shuffled = Tables(
        {n: world.tables[n].sample(frac=1, random_state=seed).reset_index(drop=True) for n in world.tables}
    )
    pd.testing.assert_frame_equal(
        features(world, world.rows()), features(world, world.rows(), shuffled), check_exact=True
    )


@given(world=WORLDS, weeks=st.integers(1, 60))
@few
def test_a_shift_by_whole_weeks_changes_nothing(world: World, weeks: int) -> None:
    shift = pd.Timedelta(weeks=weeks)
    moved = {}
    for name in world.tables:
        frame = world.tables[name]
        columns = [c for c in frame if str(frame[c].dtype).startswith("datetime64")]
        moved[name] = frame.assign(**{c: frame[c] + shift for c in columns})
    rows = world.rows()
    here = features(world, rows)
    there = features(world, rows.assign(as_of=rows["as_of"] + shift), Tables(moved))
    # The age in calendar years is the one feature that rightly knows the year.
    pd.testing.assert_frame_equal(
        here.drop(columns="company_age_years", errors="ignore"),
        there.drop(columns="company_age_years", errors="ignore"),
        check_exact=True,
    )


@given(world=WORLDS, at=st.floats(0, 1, exclude_max=True))
@few
def test_a_batch_of_one_equals_a_batch_of_all(world: World, at: float) -> None:
    rows = world.rows()
    whole, i = features(world, rows), int(at * len(rows))
    one = features(world, rows.iloc[[i]].reset_index(drop=True))
    pd.testing.assert_frame_equal(one, whole.iloc[[i]].reset_index(drop=True), check_exact=True)


@given(world=WORLDS, each=st.integers(1, 4))
@few
def test_partitions_given_the_context_equal_the_whole(world: World, each: int) -> None:
    history, specs, rows = world.history, world.specs, world.rows()
    context = shared_context(history, specs, rows)
    whole = features_at(history, rows, specs, context).set_index(pd.MultiIndex.from_frame(rows))
    parts = []
    for held in Partitions(world.tables, each):
        part = history_of(held.tables)
        own = rows[rows["account_id"].isin(part.account_ids)].reset_index(drop=True)
        parts.append(features_at(part, own, specs, context).set_index(pd.MultiIndex.from_frame(own)))
    pd.testing.assert_frame_equal(pd.concat(parts).loc[whole.index], whole, check_exact=True)


@given(world=WORLDS, night=st.integers(0, 2))
@few
def test_training_sees_what_scoring_would_have_seen(world: World, night: int) -> None:
    training = features(world, world.rows())
    of_night = (world.rows()["as_of"] == world.dates[night]).to_numpy()
    rows = world.rows()[of_night].reset_index(drop=True)
    serving = features_at(History.of(world.tables, until=world.dates[night]), rows, world.specs)
    pd.testing.assert_frame_equal(training[of_night].reset_index(drop=True), serving, check_exact=True)


LABELS = (
    OpportunityWon(horizon_days=20, settle_days=5),
    OpportunityCreated(kind="opportunity_created", horizon_days=20, settle_days=5),
    EventOccurred(kind="event", event_types=("meeting",), horizon_days=20, settle_days=5),
)


@pytest.mark.parametrize("label", LABELS, ids=lambda label: label.kind)
@given(world=WORLDS)
@few
def test_labels_are_what_a_loop_over_the_window_finds(world: World, label: OpportunityWon) -> None:
    rows = world.rows()
    found = label.converted(world.history, rows)
    events, opportunities = world.tables["events"], world.tables["opportunities"]
    for i, (account, as_of) in enumerate(rows.itertuples(index=False)):
        end = as_of + pd.Timedelta(days=20)
        if label.kind == "event":
            own = events[(events["account_id"] == account) & (events["event_type"] == "meeting")]["occurred_at"]
        else:
            own = opportunities[opportunities["account_id"] == account]
            won = own["is_won"].fillna(False).astype(bool)
            own = own[won]["closed_at"] if label.kind == "opportunity_won" else own["created_at"]
        assert found[i] == ((own >= as_of) & (own < end)).any()


@pytest.mark.parametrize("label", LABELS, ids=lambda label: label.kind)
@given(world=WORLDS, days=st.integers(0, 200))
@few
def test_a_matured_label_no_longer_changes(world: World, label: OpportunityWon, days: int) -> None:
    """What matured by some day keeps its outcome when more becomes known: nothing immature counts as negative."""
    day = world.dates[0] + pd.Timedelta(days=days)
    rows = world.rows()
    as_of = rows["as_of"].astype("int64").to_numpy()
    matured = label.matured(as_of, day)
    undated = {n: world.tables[n].drop(columns="known_at") for n in ("events", "opportunities")}
    tables = world.tables.replace(**undated)
    assume_types = label.kind != "event" or "meeting" in History.of(tables, until=day).event_types
    if not assume_types:
        return
    then = label.converted(History.of(tables, until=day), rows[matured].reset_index(drop=True))
    now = label.converted(history_of(tables), rows[matured].reset_index(drop=True))
    np.testing.assert_array_equal(then, now)
