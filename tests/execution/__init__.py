"""The parts that execute commands."""
