"""The wiring: opens everything, in order, and closes it again. The only modules that know all the others.

`server` wires the durable engine and the web server, `direct` the doors that host nothing; `clients` is what both need.
They are apart because what hosts nothing must not pay for importing the engine.
"""
