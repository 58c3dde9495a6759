"""Company names to accounts: CPU seconds and memory of ours beside a plain rapidfuzz loop over all pairs.

`python -m benchmarks.matching ACCOUNTS CONTACTS [PEER_ROWS]` prints one line of JSON; the peer is timed on PEER_ROWS
names and its time for all of them is that, times their share.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from pathlib import Path

import pandas as pd

from abm_scoring.data.market import vocabulary as words
from abm_scoring.data.matching.names import name_key
from abm_scoring.data.matching.spec import MatchingSpec
from abm_scoring.data.matching.tables import matched


def company(rng: random.Random) -> str:
    sector = rng.choice(words.SECTORS)
    stem = rng.choice(words.FIRST) + rng.choice(words.MIDDLE) + rng.choice(words.MIDDLE) + rng.choice(words.LAST)
    return f"{stem} {rng.choice(sector.words)} {rng.choice(words.COUNTRIES).legal}"


def typo(name: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(name.split()[0]))
    return name[:at] + name[at + 1 :] if rng.random() < 0.3 else name.upper()


def main(n_accounts: int, n_contacts: int, peer_rows: int) -> dict[str, float]:
    rng = random.Random(1)
    names = [company(rng) for _ in range(n_accounts)]
    accounts = pd.DataFrame({"account_id": [f"A{i}" for i in range(n_accounts)], "account_name": names}, dtype="str")
    accounts["domain"] = [f"{name_key(n).replace(' ', '-')}.com" for n in names]
    owner = [rng.randrange(n_accounts) for _ in range(n_contacts)]
    contacts = pd.DataFrame({"contact_id": [f"P{i}" for i in range(n_contacts)]}, dtype="str")
    contacts["email"] = [f"p@{accounts['domain'][o]}" if rng.random() < 0.6 else "p@gmail.com" for o in owner]
    contacts["company_name"] = [typo(names[o], rng) for o in owner]
    before = time.process_time()
    frames, _, _ = matched({"accounts": accounts, "contacts": contacts}, MatchingSpec(), Path("."))
    ours = time.process_time() - before
    right = (frames["contacts"]["account_id"] == pd.Series([f"A{o}" for o in owner], dtype="str")).sum()
    told = {"accounts": n_accounts, "contacts": n_contacts, "cpu_s": round(ours, 1)}
    told |= {"matched": int(frames["contacts"]["account_id"].notna().sum()), "right": int(right)}
    told["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return told | {"rapidfuzz_loop_cpu_s": peer(names, list(contacts["company_name"]), peer_rows)}


def peer(names: list[str], asked: list[str], rows: int) -> float:
    """CPU seconds that `process.extractOne` over all accounts would take for all names, from a sample."""
    from rapidfuzz import fuzz, process, utils

    choices = [utils.default_process(n) for n in names]
    before = time.process_time()
    for name in asked[:rows]:
        process.extractOne(utils.default_process(name), choices, scorer=fuzz.ratio, score_cutoff=90)
    return round((time.process_time() - before) / max(rows, 1) * len(asked), 1)


if __name__ == "__main__":
    sizes = [int(a) for a in sys.argv[1:]]
    print(json.dumps(main(*(sizes + [10_000, 100_000, 50][len(sizes) :]))))
