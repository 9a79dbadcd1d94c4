"""A door: the GitHub Action. One run of it is one event, or one step of a workflow that says what is to be done.

`door` is the whole way; `inputs` is what a workflow can say, `event` and `step` make orders of it, `runner` speaks to
GitHub's runner (log, outputs, summary). Only `door` imports what carries orders out, and only where there is an order:
nearly every comment holds none, and must cost a fraction of a second.
"""
