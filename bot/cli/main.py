"""``codegen-bot``: the tables of all subcommands, so that its help imports nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

import click
from click.shell_completion import CompletionItem

from bot import __version__

COMMENT_COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "run": "Starts an agent on this pull request or issue.",
        "resume": "Gives a run a follow-up; without a number, this thread's latest run.",
        "multi-run": "Runs several agents on the same prompt, then combines the best of their results.",
        "review": "Reviews this pull request: comments on lines of its diff, never an approval.",
        "confirm": "Confirms your own large multi-run that waits on this thread; a thumbs-up on its comment does too.",
        "keep": "Keeps one attempt of the latest multi-run (or its synthesis) and closes the others' pull requests.",
        "status": "Shows the state of a run; without a number, of this thread's latest run.",
        "runs": "Shows the latest runs, those of this thread marked.",
        "logs": "Shows what a run did: errors, tools, last thoughts, its answer and the end of its log.",
        "cancel": "Stops a run of an agent of your own; says how one of Codegen's can be stopped.",
        "ban-checks": "Stops Codegen from reacting to this pull request's checks, and its agents on it.",
        "unban-checks": "Lets Codegen react to this pull request's checks again.",
        "remove": "Removes Codegen from this pull request and stops its agents on it.",
        "close": "Closes a run's pull request; without a number, that of this thread's latest run.",
        "reopen": "Reopens a run's closed pull request.",
        "draft": "Converts a run's pull request to a draft.",
        "ready": "Marks a run's pull request as ready for review.",
        "checks": "Shows how Codegen reacts to this repository's checks, and changes it.",
        "analyze-logs": (
            "Explains why a sandbox's set-up failed; without a number, why this pull request's checks failed."
        ),
        "setup-commands": "Works out the commands that set this repository up in Codegen's sandboxes.",
        "star": "Stars a run for the team; its pull request gets the label `codegen:starred`.",
        "unstar": "Removes a run's star.",
        "starred": "Shows the runs that the team has starred.",
        "whoami": "Shows what you may do here and why, and whose Codegen token the bot uses.",
        "users": "Shows the users of the Codegen organization, or the one with this number.",
        "orgs": "Shows the Codegen organizations that the bot's token can see.",
        "repos": "Shows the repositories that Codegen knows, with the numbers that `--repo-id` takes.",
        "integrations": "Shows the integrations of the Codegen organization.",
    }
)
"""The commands that work in comments, with their summaries; a test compares them with the commands' usages."""

SUBCOMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "help": ("bot.cli.help:help_", "Lists the comment commands and who may use them."),
        "demo": ("bot.cli.emulators:demo", "Runs a complete demo; needs no account or settings."),
        "setup": ("bot.cli.setup.command:setup", "Creates the bot's GitHub App and saves its settings."),
        "serve": ("bot.cli.serve:serve", "Runs the webhook server."),
        "agents": ("bot.cli.agents:agents", "Serves, runs and lists agents of your own, and makes their tokens."),
        "action": ("bot.cli.action:action", "Runs as a step of a GitHub workflow; action.yml calls it."),
        "receive": ("bot.cli.action:receive", "Processes a delivery from a file, as the Action would."),
        "send": ("bot.cli.send:send", "Signs a delivery and sends it to a server."),
        "emulate": ("bot.cli.emulators:emulate", "Runs a local GitHub or Codegen emulator."),
        "doctor": ("bot.cli.doctor.command:doctor", "Checks settings and connectivity, and suggests fixes."),
        "labels": ("bot.cli.repository:labels", "Creates the bot's labels in a repository."),
        "check-config": ("bot.cli.repository:check_config", "Validates a config file."),
        "config-schema": ("bot.cli.repository:config_schema", "Prints the config file's JSON schema."),
        "completion": ("bot.cli.help:completion", "Prints a shell completion script."),
    }
)
"""Where the other subcommands are, with their summaries. ``help``, a comment command too, needs no account here."""


INTERRUPTED = 130
"""`ExitStatus.INTERRUPTED`, whose module is not imported for the help."""

TYPED = "bot.cli.main.typed"
"""Where the context has the words of the command line."""


class LazyGroup(click.Group):
    """Imports a subcommand's module when it is called, as in click's documentation on lazy loading."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return [*COMMENT_COMMANDS, *SUBCOMMANDS]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """From the tables: click would import every subcommand to see whether it is hidden."""
        summaries = {**COMMENT_COMMANDS, **{name: summary for name, (_, summary) in SUBCOMMANDS.items()}}
        found = [CompletionItem(name, help=summaries[name]) for name in summaries if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[TYPED] = [*args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        from bot.cli.lean import clear_start, show_start  # noqa: PLC0415 - its help needs none of it

        if ctx.meta[TYPED][0] in COMMENT_COMMANDS and {"-h", "--help", "--json"}.isdisjoint(ctx.meta[TYPED]):
            show_start()
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            from bot.cli.mistakes import explained  # noqa: PLC0415 - only after a mistake

            clear_start()
            raise explained(error, as_json="--json" in ctx.meta[TYPED]) from None
        except KeyboardInterrupt:
            # While modules are imported; later the loop handles it.
            clear_start()
            click.echo("Interrupted.", err=True)
            raise SystemExit(INTERRUPTED) from None

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in SUBCOMMANDS:
            module, _, attribute = SUBCOMMANDS[cmd_name][0].partition(":")
            found: click.Command = getattr(import_module(module), attribute)
            return found
        if cmd_name in COMMENT_COMMANDS:
            from bot.cli.lean import start_lean  # noqa: PLC0415 - only a command's process is short-lived

            start_lean()
            from bot.cli.commands import subcommand  # noqa: PLC0415 - it imports the command

            return subcommand(cmd_name)
        from difflib import get_close_matches  # noqa: PLC0415 - only after a mistake

        near = get_close_matches(cmd_name[:40], self.list_commands(ctx), n=1, cutoff=0.6)
        hint = f'Did you mean "{near[0]}"?' if near else '"codegen-bot --help" lists all commands.'
        raise click.UsageError(f"There is no command {cmd_name[:40]!r}. {hint}", ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        _write(formatter, "Comment commands", COMMENT_COMMANDS.items())
        _write(formatter, "Running and testing the bot", ((name, known[1]) for name, known in SUBCOMMANDS.items()))


def _write(formatter: click.HelpFormatter, heading: str, rows: Iterable[tuple[str, str]]) -> None:
    with formatter.section(heading):
        formatter.write_dl([*rows])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="codegen-bot")
def main() -> None:
    """Coding agents on your pull requests.

    New here? "codegen-bot demo" needs no account and no settings.
    """
