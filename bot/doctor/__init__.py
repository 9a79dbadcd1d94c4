"""The checks of ``codegen-bot doctor``: settings and connectivity, with a fix for each problem.

`examine` runs the checks, one module for each area; `needs` lists the permissions and events that the bot requires. The
checks are read-only, and send each service a handful of requests.
"""
