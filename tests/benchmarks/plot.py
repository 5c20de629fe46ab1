"""What was measured as a picture: whole releases, uploads, and growth with the repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib import pyplot as plt

from tests.benchmarks.scale import GIT, SIZES, WHOLE
from tests.benchmarks.uploads import FAR

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.axes import Axes

OURS, OTHERS = "#2f81f7", "#8b949e"  # readable on white and on black
SETTINGS: Any = {
    "svg.fonttype": "none",  # text as text: small, and in the reader's own font
    "svg.hashsalt": "nox-release",
    "text.color": OTHERS,
    "axes.edgecolor": OTHERS,
    "axes.labelcolor": OTHERS,
    "xtick.color": OTHERS,
    "ytick.color": OTHERS,
    "font.size": 9,
}


def draw(found: Mapping[str, Mapping[str, float]], path: Path) -> None:
    """Write an SVG of what there is of `found`: medians in seconds, by section and name."""
    mpl.use("svg")
    with mpl.rc_context(SETTINGS):
        figure, (left, middle, right) = plt.subplots(
            1, 3, figsize=(12, 3.4), width_ratios=(1.5, 1, 1), layout="constrained"
        )
        bars(left, found.get("releases", {}), "a release of a small project, seconds")
        far = {
            name.removeprefix(FAR): seconds
            for name, seconds in found.get("uploads", {}).items()
            if name.startswith(FAR)
        }
        bars(middle, far, "64 wheels, 150 ms each, seconds")
        growth(right, found.get("scale", {}))
        figure.savefig(path, transparent=True, metadata={"Date": None})


def bars(axes: Axes, seconds: Mapping[str, float], title: str) -> None:
    names = sorted(seconds, key=lambda name: -seconds[name])
    colours = [OURS if "**" in name else OTHERS for name in names]
    drawn = axes.barh([name.replace("**", "") for name in names],
                      [seconds[name] for name in names], color=colours)  # fmt: skip
    axes.bar_label(drawn, fmt=" %.1f", color=OTHERS)
    axes.set_title(title, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.12)


def growth(axes: Axes, seconds: Mapping[str, float]) -> None:
    """What a release takes beside git's own work, as a repository grows in one way at a time."""
    for number, kind in enumerate(("files", "tags", "commits")):
        sizes = {title: size[number] for title, size in SIZES.items() if kind in title}
        points = sorted(
            (size / 1000, seconds[f"{title}: **{WHOLE}**"] - seconds[f"{title}: {GIT}"])
            for title, size in {"small": 1, **sizes}.items()
            if f"{title}: {GIT}" in seconds
        )
        if points:
            line = ("-", "--", ":")[number]
            axes.plot(*zip(*points, strict=True), line, color=OURS, marker="o", ms=3, label=kind)
    axes.set_title("a release, seconds more than git's own", fontsize=9)
    axes.set_xlabel("thousand")
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.lines:
        axes.legend(frameon=False, labelcolor=OTHERS)
