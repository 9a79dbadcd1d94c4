"""All commands at once, with kills, stops and faults in between: at the end the emulators' states are checked.

Each command has exactly one final reply, with the right text; exactly as many agent runs as it requested, by the mark in
their metadata; its label changed once; its reactions; and nothing stays open. Small versions are in the
suite, `make chaos` runs long ones. Every schedule is made from a seed, which a failure prints: CHAOS_SEED repeats it.
"""

from __future__ import annotations

import os

SEED = int(os.environ.get("CHAOS_SEED", "1"))
"""Of the first round; the next ones count up."""

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "1"))
"""How often each test is repeated, each time with another seed."""

KILLS = int(os.environ.get("CHAOS_KILLS", "9"))
"""In each round."""

SEEDS = range(SEED, SEED + ROUNDS)

STRIKES = int(os.environ.get("CHAOS_STRIKES", "3"))
"""In each round, on several processes: kills, freezes and cuts."""

COMMANDS = int(os.environ.get("UPGRADE_COMMANDS", "12"))
"""In flight while processes of one version are replaced by those of another."""

AGENT_TURNS = int(os.environ.get("CHAOS_AGENT_TURNS", "9"))
"""Turns of agents on three workers."""
