"""codegen-bot: Codegen's coding agents on GitHub issues and pull requests.

The entry points are `cli`, `action` and `web`; `app` wires everything. `commands` has one module for each command,
`execution` what all of them share, and `engine` makes their execution durable. `github`, `codegen` and `storage` each
talk to one outside system; `text` prepares and redacts texts. `emulators` simulate GitHub and Codegen locally and
import nothing of the rest.
"""

__version__ = "0.1.0"
