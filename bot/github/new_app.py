"""Exchanges the code that GitHub issues after an App was created from a manifest for the App's secrets.

https://docs.github.com/en/rest/apps/apps#create-a-github-app-from-a-manifest
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import TypeAdapter

from bot.errors import ErrorKind, Service, UpstreamError
from bot.github.addresses import address
from bot.github.session import Session
from bot.github.shapes import Shape, User
from bot.github.transport import Credential, Transport

_ANYBODY = Credential("")
"""The code alone authorizes the exchange."""


@dataclass(frozen=True, slots=True)
class NewApp:
    """A newly created App.

    :param owner: the login of the person or the organization that it belongs to
    :param url: its page
    :param private_key: as PEM text; GitHub returns it only once
    """

    id: int
    name: str
    owner: str
    url: str
    private_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)

    @property
    def install_url(self) -> str:
        """Where a person selects its repositories."""
        return f"{self.url}/installations/new"


class NewAppAnswer(Shape):
    id: int
    name: str
    owner: User
    html_url: str
    pem: str
    webhook_secret: str | None = None


_NEW_APP = TypeAdapter(NewAppAnswer)


async def convert(session: Session, code: str, *, base_url: str) -> NewApp:
    """Exchanges a code for its App, once: a code is valid for one exchange within an hour.

    :param base_url: of the API
    :raises UpstreamError: of kind NOT_FOUND if the code was used, has expired, or never existed; with
        `may_have_happened` if the App's secrets may be lost
    """
    transport = Transport(session, base_url=base_url)
    url = address("new_app", "", ("app-manifests", code, "conversions"))
    answer = await transport.send("new_app", "POST", url, credential=_ANYBODY, changes=True)
    read = answer.read(_NEW_APP)
    if not read.webhook_secret:
        detail = "the App has no webhook secret"
        raise UpstreamError(Service.GITHUB, ErrorKind.BAD_ANSWER, "new_app", detail=detail, may_have_happened=True)
    return NewApp(read.id, read.name, read.owner.login, read.html_url, read.pem, read.webhook_secret)
