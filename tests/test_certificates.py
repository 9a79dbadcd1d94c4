"""A company's CA is trusted from the system's store, by every client; else the error names the certificate."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from bot import network
from bot.agents.config import Agent, SandboxKind
from bot.agents.egress import Egress
from bot.agents.preset import PLACEHOLDER_KEY
from bot.agents.presets import PRESETS
from bot.codegen.client import Codegen
from bot.codegen.limits import RateLimits
from bot.codegen.transport import new_http
from bot.errors import UpstreamError
from bot.github.auth import TokenAuth
from bot.github.client import GitHub
from bot.github.session import new_session
from tests.harness.certificates import CertificateAuthority
from tests.harness.proxy import proxy_to
from tests.harness.terminal import terminal_at

HOST = "internal.test"
ALICE = {"id": 1, "login": "alice", "type": "User", "github_username": "alice", "github_user_id": "1"}
URL = f"https://{HOST}"
PROBLEM = (
    f"the certificate of {HOST} is not trusted (unable to get local issuer certificate); add the certificate of your "
    "company's CA to the system's store, or name its file in SSL_CERT_FILE"
)


@pytest.fixture(autouse=True)
def fresh_context(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    network.tls_context.cache_clear()
    yield
    network.tls_context.cache_clear()


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path)


@pytest.fixture
async def proxy_url(authority: CertificateAuthority, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Leads to a server with a certificate of the company's, for both services."""

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(ALICE)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    server = TestServer(app)
    await server.start_server(ssl=authority.server_context(HOST))
    async with server, proxy_to({HOST: server.port or 0}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        yield proxy.url


async def no_sleep(_seconds: float) -> None:
    pass


async def by_github() -> str:
    async with new_session() as session:
        return (await GitHub(session, TokenAuth("ghp_x"), base_url=URL, sleep=no_sleep).me()).login


async def by_codegen() -> str:
    async with new_http() as http:
        limits = RateLimits(sleep=no_sleep)
        return (
            await Codegen("sk-x", org_id=1, base_url=URL, http=http, limits=limits, sleep=no_sleep).me()
        ).github_username


CLIENTS = pytest.mark.parametrize("service", ["github", "codegen"])


async def login(service: str) -> str:
    return await (by_github() if service == "github" else by_codegen())


@CLIENTS
@pytest.mark.usefixtures("proxy_url")
async def test_ca_in_the_system_store_is_trusted(
    service: str, authority: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine whose store is where OpenSSL does not look for it."""
    empty = ssl.DefaultVerifyPaths(None, None, "", "", "", "")  # type: ignore[arg-type]
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: empty)
    monkeypatch.setattr("truststore._openssl._CA_FILE_CANDIDATES", [str(authority.path)])
    assert await login(service) == "alice"


@CLIENTS
@pytest.mark.usefixtures("proxy_url")
async def test_ca_in_ssl_cert_file_is_trusted(
    service: str, authority: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    assert await login(service) == "alice"


@CLIENTS
@pytest.mark.usefixtures("proxy_url")
async def test_unknown_ca_is_named_in_the_error(service: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        await login(service)
    assert (caught.value.detail, caught.value.may_have_happened) == (PROBLEM, False)


async def test_send_names_the_certificate(tmp_path: Path, proxy_url: str) -> None:
    (tmp_path / "file.json").write_text("{}")
    async with terminal_at(tmp_path) as terminal:
        typed = await terminal.run(
            *("send", "--event", "ping", "--payload", "file.json", "--url", f"{URL}/hook"),
            GITHUB_WEBHOOK_SECRET="s3cret",
            HTTPS_PROXY=proxy_url,
        )
    assert (typed.status, typed.stderr) == (1, f"Nothing was sent to {URL}/hook: {PROBLEM}.\n")


async def by_model_api(folder: Path) -> tuple[int, str]:
    """The status and the body of an agent's request, by its egress proxy."""
    preset = PRESETS["opencode"]
    agent = Agent(name="opencode", preset=preset, command=preset.command, endpoint=URL, key=SecretStr("sk-x"))
    async with (
        Egress(agent, folder=folder, sandbox=SandboxKind.NONE) as egress,
        aiohttp.ClientSession(headers={"X-Api-Key": PLACEHOLDER_KEY}) as client,
        client.get(f"{egress.url}/models") as response,
    ):
        return response.status, await response.text()


@pytest.mark.usefixtures("proxy_url")
async def test_model_api_with_ca_of_the_company_is_trusted(
    authority: CertificateAuthority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    assert (await by_model_api(tmp_path))[0] == 200


@pytest.mark.usefixtures("proxy_url")
async def test_model_api_with_unknown_ca_is_named_in_the_error(tmp_path: Path) -> None:
    status, body = await by_model_api(tmp_path)
    assert status == 502
    assert PROBLEM in body
