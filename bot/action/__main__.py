"""``python -m bot.action``: what `action.yml` runs, without the packages of the command line."""

from bot.action.main import main

if __name__ == "__main__":
    raise SystemExit(main())
