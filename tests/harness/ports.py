"""Ports of this machine."""

from __future__ import annotations

import socket


def reserved_port() -> socket.socket:
    """A socket on loopback whose port no other process is given until it is closed. Connections to it are refused.

    A server may listen there: asyncio sets the same option. It may be stopped and started again.
    """
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved
