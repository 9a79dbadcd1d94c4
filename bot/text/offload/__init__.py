"""Runs work on untrusted text in worker processes: off the event loop, and killed when it exceeds its time limit.

Python's `re` and markdown-it hold the interpreter's lock, so a thread would neither free the loop nor could be stopped.
Callers use `pool`; `child` is the code that runs in a worker.

Pebble's process pool (5.2) does the same for any program. It was not used: LGPL, 2,700 lines, three threads of its own
and multiprocessing's spawning, which runs the program's main module again in each worker.
"""
