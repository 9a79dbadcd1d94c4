"""Everything at once, and the bot killed, stopped or misled in between: at the end the worlds are compared.

Each command has exactly one reply in a last stage, with the right words; exactly as many agent runs as it asked for, by
the mark in their metadata; its label changed once; its reactions; and nothing stays open. Small versions are in the
suite, `make chaos` runs long ones. Every schedule is made from a seed, which a failure prints: CHAOS_SEED repeats it.
"""

from __future__ import annotations

import os

SEED = int(os.environ.get("CHAOS_SEED", "1"))
"""Of the first round; the next ones count up."""

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "1"))
"""How often each story is told, each time by another seed."""

KILLS = int(os.environ.get("CHAOS_KILLS", "9"))
"""In each round."""

SEEDS = range(SEED, SEED + ROUNDS)

STRIKES = int(os.environ.get("CHAOS_STRIKES", "3"))
"""At several processes, in each round: kills, freezes and cuts."""

COMMANDS = int(os.environ.get("UPGRADE_COMMANDS", "12"))
"""In flight while processes of one version are replaced by those of another."""
