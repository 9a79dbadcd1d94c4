"""codegen-bot: Codegen's coding agents on the pull request.

The doors are `cli`, `action` and `web`; `app` wires everything; `engine` makes the `handlers` durable; `commands` says
what was asked, `replies` what is answered; `github`, `codegen` and `store` each speak to one outside world. `emulator`
holds both outside worlds in a box and knows nothing of the rest.
"""

__version__ = "0.1.0"
