"""The story of each command, one module each, told in a straight line.

A handler's only hand is `Do`. It knows neither the engine that makes its story durable nor the door that its order came
through; on a server, in an Action and in a terminal it is the same.
"""
