"""What is left to do once the App has been created."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from bot.setup.env_file import API_URL, VARIABLES, values_of
from bot.setup.flow import Made
from bot.setup.plan import GITHUB_API

CODEGEN_VARIABLES = {
    "CODEGEN_API_TOKEN": "from codegen.com, Settings, API token",
    "CODEGEN_ORG_ID": "the number next to it",
}


def steps(made: Made, *, place: str, environ: Mapping[str, str], standing: Collection[str] = ()) -> list[str]:
    """Sentences, in order.

    :param place: where the settings are stored, to follow "in"
    :param environ: the environment, which overrides the file
    :param standing: variables set in the file
    """
    found = [f"Install it on the repositories that the bot is for: {made.app.install_url}"]
    if not made.plan.organization:
        found[0] += f" (it is private, so they have to be {made.app.owner}'s own)"
    if missing := [
        f"{name} ({where})" for name, where in CODEGEN_VARIABLES.items() if name not in {*environ, *standing}
    ]:
        found.append(f"Set {' and '.join(missing)} in {place}.")
    values = {API_URL: GITHUB_API} | values_of(made)
    if hiding := [name for name in VARIABLES if environ.get(name, "").strip() not in {"", values[name]}]:
        found.append(f"Take {', '.join(hiding)} out of the environment, which goes before what was made now.")
    found.append("Look whether all is well: codegen-bot doctor --repository OWNER/NAME")
    return found
