"""The GitHub Action. One run of it handles one event, or one workflow step that names a command.

`action.yml` first runs `start`, with the standard library alone: it looks at the event (`look`), and where there may be
a command puts the eyes onto the comment (`reaction`) and installs the packages (`install`). Nearly all comments contain
none, and must cost a fraction of a second.

`main` is the installed bot's entry point; `inputs` parses the step's inputs, `event` and `step` turn event or inputs
into command invocations, `report` talks to GitHub's runner (log, outputs, summary). Only `main` imports the code that
executes commands, and only if there is one.
"""
