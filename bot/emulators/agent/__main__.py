"""Starts the agent on standard input and output."""

from __future__ import annotations

import asyncio

from bot.emulators.agent.agent import serve


def main() -> None:
    asyncio.run(serve())


if __name__ == "__main__":
    main()
