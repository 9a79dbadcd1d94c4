"""Downtime of commands when their process dies, freezes or is cut off from the database.

python -m benchmarks.takeover [--rounds N] [--only kill|freeze|cut|idle ...]
"""
