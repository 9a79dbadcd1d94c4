"""``codegen-bot completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

PROGRAM = "codegen-bot"

_HOW = """
bash: eval "$(codegen-bot completion bash)" in ~/.bashrc

zsh: eval "$(codegen-bot completion zsh)" in ~/.zshrc, behind compinit

fish: codegen-bot completion fish > ~/.config/fish/completions/codegen-bot.fish
"""


@click.command(
    help=f"Print the shell completion script of codegen-bot.\n{_HOW}",
    short_help="Print a shell completion script.",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    known = get_completion_class(shell)
    assert known is not None  # noqa: S101 - click has all three
    variable = f"_{PROGRAM.replace('-', '_').upper()}_COMPLETE"
    click.echo(known(ctx.find_root().command, {}, PROGRAM, variable).source())
