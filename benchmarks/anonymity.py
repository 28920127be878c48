"""k, l and t of a million people, and the search for the least coarse table, beside pyCANON where it is.

Run: python benchmarks/anonymity.py [ROWS]. pyCANON is no dependency; `pip install pycanon` puts it beside.
"""

from __future__ import annotations

import importlib
import importlib.util
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from studypkg.declaration import QuasiIdentifier
from studypkg.privacy.anonymity import measure_likeness
from studypkg.privacy.generalisation import Demand, material_of, search
from studypkg.privacy.keys import SecretKey
from studypkg.privacy.pseudonyms import Normalisation, pseudonymise

QUASI = ["age", "sex", "site", "year"]
STEPS = {
    "age": QuasiIdentifier(bands=(5, 10, 20)),
    "sex": QuasiIdentifier(),
    "zip": QuasiIdentifier(digits=(4, 3)),
    "site": QuasiIdentifier(groups=({"ab": ("a", "b"), "cd": ("c", "d")},)),
}


def people(rows: int) -> pd.DataFrame:
    """Invent people: 480 000 different combinations among a million."""
    random = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "who": [f"p{n}" for n in range(rows)],
            "age": random.integers(18, 91, rows).astype(float),
            "sex": random.choice(["f", "m"], rows),
            "zip": random.choice([f"{n:05d}" for n in range(10_000, 10_400)], rows),
            "site": random.choice(list("abcdefghij"), rows),
            "year": random.integers(2015, 2026, rows),
            "ill": random.choice(list("uvwxyz"), rows),
        }
    )


def seconds(work: Callable[[], object], times: int = 3) -> float:
    """Time some work: the median of a few runs."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def main(rows: int) -> None:
    """Print one line per task."""
    table = people(rows)
    banded = table.assign(age=table["age"] // 5 * 5)
    ours = seconds(lambda: measure_likeness(banded, QUASI, sensitive=["ill"]))
    print(f"{rows:,} rows: k, l and t {ours:.2f} s")
    if importlib.util.find_spec("pycanon") is not None:
        peer = importlib.import_module("pycanon.anonymity")
        theirs = seconds(
            lambda: (
                peer.k_anonymity(banded, QUASI),
                peer.l_diversity(banded, QUASI, ["ill"]),
                peer.t_closeness(banded, QUASI, ["ill"]),
            ),
            times=1,
        )
        print(f"  pyCANON {theirs:.2f} s, {theirs / ours:.0f} times ours")
    taken = seconds(
        lambda: search(material_of(table, STEPS, person="who", sensitive=["ill"]), Demand(11, 3, None, 0.01))
    )
    print(f"  least coarse table for k = 11, l = 3: {taken:.2f} s")
    key = SecretKey(bytes(range(32)))
    taken = seconds(lambda: pseudonymise(table["who"], key, Normalisation()), times=1)
    print(f"  pseudonyms: {taken:.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
