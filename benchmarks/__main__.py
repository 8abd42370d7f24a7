"""``python -m benchmarks [NAME …]``: run the benchmarks, all by default."""

import importlib
import pkgutil
import sys

import benchmarks

names = [m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_")]
for name in sys.argv[1:] or names:
    if name not in names:
        sys.exit(f"unknown benchmark '{name}'. Known: {', '.join(names)}.")
    importlib.import_module(f"benchmarks.{name}").main()
