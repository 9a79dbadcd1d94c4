"""Cost of accepting deliveries, compared with two baselines: `python -m benchmarks.webhooks`.

The servers (`servers`) and the load (`load`) are processes of their own: the server has one core for itself, the load
and the emulators share the other.
"""
