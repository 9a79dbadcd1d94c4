"""The GitHub Action. One run of it handles one event, or one workflow step that names a command.

`main` is the entry point; `inputs` parses the step's inputs, `event` and `job` turn event or inputs into command
invocations, `runner` talks to GitHub's runner (log, outputs, summary). Only `main` imports the code that executes
commands, and only if there is one: nearly all comments contain none, and must cost a fraction of a second.
"""
