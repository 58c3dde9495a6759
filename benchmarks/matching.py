"""Contacts to accounts by domain and name: ours beside splink and a plain loop of rapidfuzz over all pairs.

`python -m benchmarks.matching ACCOUNTS CONTACTS` makes companies of the demo market's words, dirties how contacts write
them, and lets each engine match in a process of its own. A fifth of the contacts work for companies that are no
accounts: whoever is matched to one is wrong. Truth is known, so that precision and recall stand beside time and memory.
`--report` measures 10 000 × 100 000 with all engines and 100 000 × 1 000 000 with ours alone, and writes
docs/evidence/matching.md. The peers' environment comes from `make peers`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

HERE = Path(__file__).parent
PEERS = HERE.parent / ".venv-peers" / "bin" / "python"
#: Domains that say nothing about a company; all engines are told.
FREE = "gmail.com"
#: Share of the companies that are accounts.
OURS = 0.8
#: Pairs below this probability are not asked of splink at all.
SPLINK_FROM = 0.001
#: Account of each contact, and how sure; None: all alike.
Found = tuple[pd.Series, pd.Series | None]
Run = Callable[[], Found]
Engine = Callable[[pd.DataFrame, pd.DataFrame], Run]
Result = dict[str, Any]

PAGE = """# Matching beside its peers

Written by `python -m benchmarks.matching --report`. Companies are made of the demo market's words. Contacts write
them as people do: in capitals, without or with another legal form, with two letters swapped, a letter lost, spaces
doubled, accents added; a quarter have an e-mail address of the company, a fifth one of a free provider, 15 % a web
address, the others nothing but the name. A fifth of the contacts work for companies that are no accounts. Seed 1; each
engine in a process of its own with its input in memory.

{table}

Precision: right matches among those made automatically. Recall: right matches among contacts whose company is an
account. Peak memory is that of the whole process; added memory is what matching took on top of its input. CPU
seconds of all cores together: ours and the loop use one, splink's DuckDB {cores}.

Growth of ours from {small} to {large}: {time_growth:.1f} times the CPU seconds and
{memory_growth:.1f} times the added memory for ten times the accounts and ten times the contacts.

- **Loop**: e-mail and web domains by a dictionary, then `process.extractOne(fuzz.ratio, score_cutoff=90)` over all
  names in the default form of rapidfuzz. It has no notion of a close second, hence its wrong matches.
- **splink**: `link_only` in DuckDB; Jaro-Winkler levels of the name and equal domains; blocks of equal domain, of the
  first six letters, and of the second word with the first letter; names without accents and, by cleanco, without
  legal form; u by sampling, m by expectation maximisation; per contact its best pair. Its recall is that at the lowest
  limit with a precision of 0.99, chosen by the truth, which a user does not have. It was set up as its documentation
  tells, not by an expert of it.
- What ours does not match is proposed where something is near, never merged silently.

Versions: {versions}.
"""


def company(rng: random.Random) -> str:
    from abm_scoring.data.market import vocabulary as words

    sector = rng.choice(words.SECTORS)
    stem = rng.choice(words.FIRST) + rng.choice(words.MIDDLE) + rng.choice(words.MIDDLE) + rng.choice(words.LAST)
    return f"{stem} {rng.choice(sector.words)} {rng.choice(words.COUNTRIES).legal}"


def dirtied(name: str, rng: random.Random) -> str:
    """A company as somebody else writes it."""
    words, way, at = name.split(), rng.randrange(7), rng.randrange(1, len(name.split()[0]) - 1)
    return (
        name.upper(),
        " ".join(words[:-1]),
        f"{' '.join(words[:-1])}, {rng.choice(['Ltd.', 'GmbH & Co. KG', 'S.A.', 'Inc'])}",
        name[:at] + name[at + 1] + name[at] + name[at + 2 :],
        name[:at] + name[at + 1 :],
        f"  {name.replace(' ', '  ')} ",
        name.translate(str.maketrans("aeou", "áéöü")),
    )[way]


def make(n_accounts: int, n_contacts: int, seed: int, folder: Path) -> None:
    """`accounts.parquet`, and `contacts.parquet` with the `truth` (null: no account)."""
    rng = random.Random(seed)
    names = [company(rng) for _ in range(round(n_accounts / OURS))]
    domains = [f"{' '.join(n.split()[:2]).lower().replace(' ', '-')}-{at}.com" for at, n in enumerate(names)]
    accounts = {"account_id": [f"A{i:07d}" for i in range(n_accounts)], "account_name": names[:n_accounts]}
    pd.DataFrame({**accounts, "domain": domains[:n_accounts]}, dtype="str").to_parquet(folder / "accounts.parquet")
    rows = []
    for at in range(n_contacts):
        who, kind = rng.randrange(len(names)), rng.random()
        email = f"p{at}@mail.{domains[who]}" if kind < 0.25 else f"p{at}@{FREE}" if kind < 0.45 else None
        web = f"https://www.{domains[who]}/start?x=1" if 0.45 <= kind < 0.6 else None
        rows.append((f"P{at}", email, web, dirtied(names[who], rng), f"A{who:07d}" if who < n_accounts else None))
    columns = ["contact_id", "email", "web_domain", "company_name", "truth"]
    pd.DataFrame(rows, columns=columns, dtype="str").to_parquet(folder / "contacts.parquet")


def ours(accounts: pd.DataFrame, contacts: pd.DataFrame) -> Run:
    from abm_scoring.data.matching.spec import MatchingSpec
    from abm_scoring.data.matching.tables import matched

    def run() -> Found:
        frames, _, _ = matched({"accounts": accounts, "contacts": contacts}, MatchingSpec(), Path("."))
        return frames["contacts"]["account_id"], None

    return run


def _domain(contacts: pd.DataFrame) -> pd.Series:
    """The domain that a contact's addresses name, with nothing but pandas; `.com` is the only suffix here."""
    address = contacts["email"].str.rpartition("@")[2].fillna(contacts["web_domain"].str.extract(r"//([^/]+)")[0])
    domain = address.str.extract(r"([^.]+\.com)$")[0]
    return domain.mask(domain == FREE)


def loop(accounts: pd.DataFrame, contacts: pd.DataFrame) -> Run:
    from rapidfuzz import fuzz, process, utils

    def run() -> Found:
        found = _domain(contacts).map(accounts.set_index("domain")["account_id"]).astype(object)
        choices = [utils.default_process(n) for n in accounts["account_name"]]
        ids = accounts["account_id"].tolist()
        for at in found.index[found.isna()]:
            asked = utils.default_process(contacts["company_name"][at])
            best = process.extractOne(asked, choices, scorer=fuzz.ratio, score_cutoff=90)
            found[at] = ids[best[2]] if best else None
        return found, None

    return run


def splink(accounts: pd.DataFrame, contacts: pd.DataFrame) -> Run:
    import splink.comparison_library as cl
    from cleanco import basename
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    def shaped(ids: pd.Series, names: pd.Series, domain: pd.Series) -> pd.DataFrame:
        plain = pd.Series([basename(n) for n in names.str.replace(r"\s+", " ", regex=True).str.strip()], names.index)
        plain = plain.str.normalize("NFKD").str.encode("ascii", "ignore").str.decode("ascii").str.lower()
        plain = plain.str.replace(r"[^a-z0-9]+", " ", regex=True).str.strip()
        frame = pd.DataFrame({"unique_id": ids, "name": plain, "domain": domain}).astype(object)
        return frame.where(frame.notna(), None).assign(second=plain.str.split().str[1])

    def run() -> Found:
        database = DuckDBAPI()
        tables = (
            shaped(accounts["account_id"], accounts["account_name"], accounts["domain"]),
            shaped(contacts["contact_id"], contacts["company_name"], _domain(contacts)),
        )
        known = [
            database.register(t, dataset_display_name=n) for t, n in zip(tables, ("accounts", "contacts"), strict=True)
        ]
        rules = [block_on("domain"), block_on("substr(name, 1, 6)"), block_on("second", "substr(name, 1, 1)")]
        settings = SettingsCreator(
            link_type="link_only",
            comparisons=[cl.JaroWinklerAtThresholds("name", [0.98, 0.95, 0.9, 0.8]), cl.ExactMatch("domain")],
            blocking_rules_to_generate_predictions=rules,
            probability_two_random_records_match=OURS / len(accounts),
            retain_matching_columns=False,
        )
        linker = Linker(known, settings, log_level=40)
        linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
        linker.training.estimate_parameters_using_expectation_maximisation(block_on("domain"))
        linker.training.estimate_parameters_using_expectation_maximisation(block_on("substr(name, 1, 6)"))
        pairs = linker.inference.predict(threshold_match_probability=SPLINK_FROM).as_pandas_dataframe()
        swapped = pairs["unique_id_l"].str.startswith("P")
        account = pairs["unique_id_r"].where(swapped, pairs["unique_id_l"])
        contact = pairs["unique_id_l"].where(swapped, pairs["unique_id_r"])
        best = pd.DataFrame({"account": account, "contact": contact, "weight": pairs["match_weight"]})
        best = best.sort_values(["weight", "account"], ascending=[False, True]).drop_duplicates("contact")
        best = best.set_index("contact").reindex(contacts["contact_id"]).set_axis(contacts.index)
        return best["account"], best["weight"]

    return run


ENGINES: dict[str, Engine] = {"ours": ours, "loop": loop, "splink": splink}


def one(engine: str, folder: Path) -> Result:
    """One engine, in this process: what it took, and how right it is."""
    tables = [pd.read_parquet(folder / f"{name}.parquet") for name in ("accounts", "contacts")]
    accounts, contacts = tables
    # Libraries are loaded and numbers of threads are known before the clock starts.
    ENGINES[engine](accounts.head(50).copy(), contacts.head(50).copy())
    run = ENGINES[engine](accounts, contacts.drop(columns="truth"))
    before, begun = _peak(), time.process_time()
    found, sure = run()
    took = time.process_time() - begun
    truth = contacts["truth"]
    if sure is not None:
        found = found.where(sure >= limit(sure, found == truth))
    right, made = (found == truth).fillna(False).astype(bool).sum(), found.notna().sum()
    return {
        "engine": engine, "accounts": len(accounts), "contacts": len(contacts), "cpu_s": round(took, 1),
        "peak_mib": round(_peak()), "added_mib": round(_peak() - before), "matched": int(made),
        "precision": round(right / max(made, 1), 5), "recall": round(right / max(truth.notna().sum(), 1), 5),
    }  # fmt: skip


def limit(sure: pd.Series, right: pd.Series) -> float:
    """The lowest certainty from which on 99 of 100 matches are right: chosen by the truth, as a user could not."""
    told = pd.DataFrame({"sure": sure, "right": right.fillna(False).astype(float)}).dropna()
    told = told.sort_values("sure", ascending=False)
    precision = told["right"].expanding().mean().groupby(told["sure"]).last()
    enough = precision.index[precision >= 0.99]
    return float(enough.min()) if len(enough) else float("inf")


def _peak() -> float:
    """Largest resident memory of this process so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << (20 if sys.platform == "darwin" else 10))


def measure(n_accounts: int, n_contacts: int, engines: list[str], seed: int = 1) -> list[Result]:
    """Each engine on the same companies and contacts, one after another."""
    with tempfile.TemporaryDirectory() as name:
        # Fresh processes throughout: a child begins with its parent's peak memory.
        _fresh(sys.executable, "--make", str(n_accounts), str(n_contacts), str(seed), name)
        runs = (_fresh(str(PEERS) if e == "splink" else sys.executable, "--one", e, name) for e in engines)
        return [json.loads(run.splitlines()[-1]) for run in runs]


def _fresh(python: str, *arguments: str) -> str:
    command = [python, str(Path(__file__).resolve()), *arguments]
    env = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, env=env, text=True).stdout


def table(results: list[Result]) -> str:
    """A Markdown table."""
    head = ("accounts", "contacts", "engine", "CPU s", "peak MiB", "added MiB", "precision", "recall")
    lines = [f"| {' | '.join(head)} |", "|---:|---:|---|---:|---:|---:|---:|---:|"]
    for r in results:
        sizes = [f"{r[n]:,}".replace(",", " ") for n in ("accounts", "contacts")]
        figures = (f"{r['cpu_s']:.1f}", str(r["peak_mib"]), str(r["added_mib"]), f"{r['precision']:.4f}")
        lines.append(f"| {' | '.join([*sizes, r['engine'], *figures, format(r['recall'], '.4f')])} |")
    return "\n".join(lines)


def report() -> list[Result]:
    """Measures at both sizes and writes the page of evidence."""
    small, large = measure(10_000, 100_000, list(ENGINES)), measure(100_000, 1_000_000, ["ours"])
    code = "from importlib.metadata import version as v; print(', '.join(f'{n} {v(n)}' for n in "
    theirs = subprocess.run(
        [str(PEERS), "-c", code + "('splink', 'duckdb', 'cleanco')))"], stdout=subprocess.PIPE, check=True, text=True
    )
    mine = subprocess.run(
        [sys.executable, "-c", code + "('rapidfuzz', 'pandas')))"], stdout=subprocess.PIPE, check=True, text=True
    )
    page = PAGE.format(
        table=table(small + large),
        small="10 000 × 100 000",
        large="100 000 × 1 000 000",
        time_growth=large[0]["cpu_s"] / small[0]["cpu_s"],
        memory_growth=large[0]["added_mib"] / max(small[0]["added_mib"], 1),
        cores=os.cpu_count(),
        versions=f"{mine.stdout.strip()}, {theirs.stdout.strip()}",
    )
    (HERE.parent / "docs" / "evidence" / "matching.md").write_text(page)
    return small + large


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("accounts", type=int, nargs="?", default=10_000, help="number of accounts")
    parser.add_argument("contacts", type=int, nargs="?", default=100_000, help="number of contacts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=list(ENGINES))
    parser.add_argument("--json", action="store_true", help="one JSON array instead of a table")
    parser.add_argument("--report", action="store_true", help="both sizes, and write docs/evidence/matching.md")
    parser.add_argument("--make", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make:
        n_accounts, n_contacts, seed, folder = given.make
        make(int(n_accounts), int(n_contacts), int(seed), Path(folder))
        return
    if given.one:
        print("\n" + json.dumps(one(given.one[0], Path(given.one[1]))))
        return
    if (given.report or "splink" in given.engines) and not PEERS.exists():
        raise SystemExit("the peers are not installed: run `make peers` first")
    found = report() if given.report else measure(given.accounts, given.contacts, given.engines, given.seed)
    print(json.dumps(found) if given.json else table(found))


if __name__ == "__main__":
    main()
