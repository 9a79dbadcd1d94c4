"""``python -m bot``: the same as ``codegen-bot``."""

from bot.cli.main import main

if __name__ == "__main__":
    main()
