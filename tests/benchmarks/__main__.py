"""nox -s benchmark [-- SECTION … --runs N --json FILE]."""

from __future__ import annotations

import argparse
import json
import os
from importlib import import_module
from pathlib import Path

from tests.benchmarks.turns import Turns

SECTIONS = ("releases", "uploads", "questions", "startup", "scale")


def main() -> None:
    parser = argparse.ArgumentParser(prog="nox -s benchmark --")
    parser.add_argument(
        "sections", nargs="*", choices=[*SECTIONS, []], metavar="SECTION", help=", ".join(SECTIONS)
    )
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each; default: 5")
    parser.add_argument("--cache", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--only", action="append", default=[], help="ways with this in their name")
    text = "once each, and smaller: to see that they run"
    parser.add_argument("--quick", action="store_true", help=text)
    parser.add_argument("--json", type=Path, help="where the medians are written, too")
    parser.add_argument("--plot", type=Path, help="the picture to draw")
    options = parser.parse_args()
    found = {}
    load = f"load {os.getloadavg()[0]:.1f}"
    turns = Turns(runs=options.runs, only=options.only, is_quick=options.quick)
    print(f"{options.runs} runs of each in turn, after one that isn't counted; {load} before")
    for name in options.sections or SECTIONS:
        section = import_module(f"tests.benchmarks.{name}")
        measured = section.measure(options.cache, turns)
        print(f"\n## {name}\n\n{section.show(measured)}", flush=True)
        found[name] = {key: one.wall for key, one in measured.items()}
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")
    if options.plot:
        from tests.benchmarks.plot import draw

        draw(found, options.plot)


if __name__ == "__main__":
    main()
