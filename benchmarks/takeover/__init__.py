"""How long work stands still when its process dies, freezes or is cut off from the database.

python -m benchmarks.takeover [--rounds N] [--only kill|freeze|cut|idle ...]
"""
