"""Real coding agents against a scripted server of models: `make test-agents`.

They are installed once, each into a folder of its own; where one is not installed, its tests are skipped.
"""
