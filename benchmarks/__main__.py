"""`python -m benchmarks [name ...]`: run each benchmark's ``run`` and print its figures as one table."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import pandas as pd

import benchmarks


def main(names: list[str]) -> None:
    """Print one line a figure: benchmark, what, value, unit, and the peer's value with the ratio where there is one."""
    found = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_"))
    for name in names or found:
        rows = importlib.import_module(f"benchmarks.{name}").run()
        print(f"\n{name}\n{pd.DataFrame(rows).to_string(index=False)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
