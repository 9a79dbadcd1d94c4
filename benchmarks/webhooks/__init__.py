"""What taking deliveries costs, beside two baselines: `python -m benchmarks.webhooks`.

The servers (`servers`) and the load (`load`) are processes of their own: the server has one core for itself, the load
and the emulated worlds share the other.
"""
