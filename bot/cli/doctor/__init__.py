"""The checks of ``codegen-bot doctor``: settings and connectivity, with a fix for each problem.

`checks` lists and runs them; `accounts`, `repository` and `machine` contain them. They are read-only, and send each
service a handful of requests.
"""
