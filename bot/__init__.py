"""codegen-bot: Codegen's coding agents on GitHub issues and pull requests.

The entry points are `cli`, `action` and `web`; `app` wires everything; `engine` runs the `handlers` durably; `commands`
defines the commands, `replies` the answers; `github`, `codegen` and `store` each talk to one outside system. `emulator`
simulates GitHub and Codegen locally and imports nothing of the rest.
"""

__version__ = "0.1.0"
