from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.data.families import families, partition_of


def accounts(*links: tuple[str, str | None]) -> pd.DataFrame:
    frame = pd.DataFrame(links, columns=["account_id", "parent_account_id"])
    return frame.astype("str")


def named(*links: tuple[str, str | None]) -> dict[str, str]:
    return families(accounts(*links)).to_dict()


def test_a_family_is_named_after_its_root() -> None:
    assert named(("a", "z"), ("z", None), ("b", "a"), ("lone", None)) == {"a": "z", "b": "z", "lone": "lone", "z": "z"}


def test_a_parent_that_is_no_account_still_joins_its_children() -> None:
    assert named(("a", "hq"), ("b", "hq")) == {"a": "hq", "b": "hq"}


def test_cycles_and_several_roots_take_the_smallest_id() -> None:
    assert set(named(("c", "b"), ("b", "d"), ("d", "c")).values()) == {"b"}
    assert set(named(("c", "y"), ("c", "x"), ("x", None), ("y", None)).values()) == {"x"}
    assert named(("a", "a")) == {"a": "a"}


def test_all_versions_count() -> None:
    assert named(("a", "x"), ("a", None), ("b", "x"))["a"] == "x"


def test_no_parents_and_no_accounts() -> None:
    alone = families(accounts(("a", None), ("a", None)).drop(columns="parent_account_id"))
    assert alone.to_dict() == {"a": "a"}
    assert (alone.index.name, alone.name, str(alone.dtype)) == ("account_id", "family_id", "str")
    assert len(families(accounts())) == 0


def by_search(links: list[tuple[str, str | None]]) -> dict[str, set[str]]:
    """Each account's component, by walking."""
    near: dict[str, set[str]] = {}
    for child, parent in links:
        near.setdefault(child, set()).add(parent or child)
        near.setdefault(parent or child, set()).add(child)
    found = {}
    for start, _ in links:
        seen, ahead = {start}, [start]
        while ahead:
            new = near[ahead.pop()] - seen
            seen |= new
            ahead += new
        found[start] = seen
    return found


ids = st.sampled_from([f"{i:02d}" for i in range(14)])


@settings(max_examples=60)
@given(st.lists(st.tuples(ids, st.none() | ids), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_families_are_the_connected_components_in_any_order(
    links: list[tuple[str, str | None]], rng: random.Random
) -> None:
    family, components = named(*links), by_search(links)
    assert named(*rng.sample(links, len(links))) == family
    assert family.keys() == components.keys()
    for a, members in components.items():
        assert {family[b] for b in members & family.keys()} == {family[a]}
        roots = members - {child for child, parent in links if parent not in (None, child)}
        assert family[a] == min(roots or members)


def test_a_long_chain_is_one_family() -> None:
    chain = [(f"{i:05d}", f"{i + 1:05d}") for i in range(5000)]
    random.Random(1).shuffle(chain)
    assert set(named(*chain).values()) == {"05000"}


def test_partitions_are_the_documented_hash() -> None:
    # CRC-32 of "123456789" is the check value of the standard, 0xCBF43926; the others come from another implementation.
    assert partition_of(np.array(["123456789"]), 1 << 32).tolist() == [0xCBF43926]
    assert partition_of(pd.Series(["a", "ü", "a"], dtype="str"), 1000).tolist() == [907, 789, 907]
    assert partition_of(np.array([], dtype=object), 4).tolist() == []


def test_partitions_do_not_depend_on_the_process() -> None:
    code = (
        "from abm_scoring.data.families import partition_of as p; import numpy as n; print(p(n.array(['ä', 'b']), 97))"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("0", "1")
    }
    assert seen == {f"{partition_of(np.array(['ä', 'b']), 97)}\n"}


def test_sequential_ids_spread_evenly() -> None:
    for n in (2, 8, 10, 64):
        counts = np.bincount(partition_of(np.array([f"A{i:06d}" for i in range(64_000)]), n), minlength=n)
        assert counts.min() > 0.9 * 64_000 / n
