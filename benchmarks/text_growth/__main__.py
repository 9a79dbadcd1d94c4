"""Processing time of untrusted text by its length: 1 to 256 kB of the worst input that is found.

    python -m benchmarks.text_growth [PART_OF_A_NAME ...]

Times are processor time. The search is seeded, but depends on its own measurements: no two runs are the same. The
exponent is the slope between 16 and 256 kB: 1 is linear, 2 quadratic, 0 a text that is truncated before it is read.
"""

from __future__ import annotations

import argparse
import math
import statistics
from dataclasses import dataclass

from benchmarks.text_growth.targets import Target, functions, patterns
from benchmarks.text_growth.worst import Shape, seconds, worst

SIZES = (1_024, 4_096, 16_384, 65_536, 262_144)
FLAT = 0.001
"""Seconds up to which a time is too short to show growth."""


@dataclass(frozen=True, slots=True)
class Growth:
    """The seconds for each of `SIZES`; fewer if one took too long."""

    target: Target
    shape: Shape
    times: tuple[float, ...]

    @property
    def exponent(self) -> float:
        """Between 16 and 256 kB, by least squares over the logarithms."""
        points = [(math.log(size), math.log(max(time, 1e-7))) for size, time in zip(SIZES, self.times, strict=False)]
        long = points[2:] if len(points) > 3 else points
        return statistics.linear_regression(*zip(*long, strict=True)).slope if len(long) > 1 else math.inf

    def __str__(self) -> str:
        times = [f"{time * 1000:.1f}" for time in self.times]
        times += ["too long"] * (len(SIZES) - len(times))
        exponent = f"{self.exponent:.2f}" if max(self.times, default=math.inf) > FLAT else ""
        shape = str(self.shape).replace("|", "\\|")
        return f"| {self.target.name} | {' | '.join(times)} | {exponent} | `` {shape} `` |"


def measured(target: Target, *, tries: int, seed: int) -> Growth:
    shape = worst(target.run, target.fragments, tries=tries, seed=seed)
    times: list[float] = []
    for size in SIZES:
        took = seconds(target.run, shape.text(size), times=5)
        if math.isinf(took):
            break
        times.append(took)
    return Growth(target, shape, tuple(times))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help="measure only what has one of these in its name")
    parser.add_argument("--tries", type=int, default=300, help="inputs tried at random for each pattern")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    for title, targets, tries in (("functions", functions(), given.tries // 3), ("patterns", patterns(), given.tries)):
        chosen = [each for each in targets if not given.names or any(name in each.name for name in given.names)]
        if not chosen:
            continue
        print(f"| {title}: milliseconds for | 1 kB | 4 kB | 16 kB | 64 kB | 256 kB | exponent | worst input found |")
        print("|---|---|---|---|---|---|---|---|", flush=True)
        for target in chosen:
            print(measured(target, tries=max(tries, 20), seed=given.seed), flush=True)
        print()


if __name__ == "__main__":
    main()
