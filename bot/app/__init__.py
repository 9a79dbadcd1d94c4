"""The wiring: opens everything, in order, and closes it again. The only package that imports all the others.

`server` wires the durable engine and the web server, `direct` the entry points that host nothing; `clients` is shared
by both. They are separate so that entry points without a server do not import the engine.
"""
