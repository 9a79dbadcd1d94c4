"""What the bot of a whole server replies on the emulated GitHub."""

from __future__ import annotations

from bot.emulators.github import GitHubEmulator
from bot.emulators.github.model import BOT_LOGIN


async def last_reply(github: GitHubEmulator, words: str) -> str:
    """The bot's last comment on the pull request, without its marker, once it contains these words."""

    def found() -> bool:
        return any(words in each.body for each in github.comments(1)[-1:] if each.author == BOT_LOGIN)

    await github.until(found)
    return github.comments(1)[-1].body.partition("\n\n<!-- codegen-bot")[0]
