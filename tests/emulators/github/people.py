"""Clients of the emulator: users with their tokens, and the App with its key."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import aiohttp
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

REPO = "/repos/octo/shop"


@dataclass(frozen=True)
class Answer:
    """`document`: the JSON, or None where the answer has no body."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def document(self) -> Any:
        return json.loads(self.text) if self.text else None


@dataclass(frozen=True)
class Person:
    """A plain HTTP client with one token."""

    session: aiohttp.ClientSession
    url: str
    token: str | None
    scheme: str = "token"

    async def ask(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        sent = dict(headers or {})
        if self.token is not None:
            sent["Authorization"] = f"{self.scheme} {self.token}"
        async with self.session.request(
            method, self.url + path, json=body, headers=sent, allow_redirects=False
        ) as response:
            return Answer(response.status, response.headers.copy(), await response.text())

    async def get(self, path: str) -> Answer:
        return await self.ask("GET", path)

    async def post(self, path: str, body: Any = None) -> Answer:
        return await self.ask("POST", path, body)


@cache
def _key() -> rsa.RSAPrivateKey:
    """One for all tests of a process: it takes long to make."""
    return rsa.generate_private_key(65537, 2048)


@dataclass(frozen=True)
class App:
    """The GitHub App, which proves itself by a JWT."""

    key: rsa.RSAPrivateKey = field(default_factory=_key, repr=False)

    @property
    def private_pem(self) -> str:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    @property
    def public_pem(self) -> str:
        return (
            self.key.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )

    def token(self, *, issuer: str = "1", issued: float = -60, expires: float = 600) -> str:
        """A JWT; times are in seconds from now, and by default those that GitHub's documentation shows."""
        now = int(time.time())
        claims = {"iss": issuer, "iat": now + int(issued), "exp": now + int(expires)}
        return jwt.encode(claims, self.key, algorithm="RS256")
