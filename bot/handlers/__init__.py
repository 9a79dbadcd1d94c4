"""The handler of each command, one module each: straight-line code.

Everything a handler may do to the outside world goes through `CommandContext`. It knows neither the engine that makes
its workflow durable nor the entry point that its invocation came through: on a server, in an Action and in a terminal
it is the same.
"""
