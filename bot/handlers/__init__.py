"""The handler of each command, one module each: straight-line code.

A handler acts on the outside world only through `CommandContext`. It knows neither the engine that makes its workflow
durable nor the entry point of its invocation: it is the same on a server, in an Action and in a terminal.
"""
