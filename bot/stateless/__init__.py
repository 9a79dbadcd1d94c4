"""Carrying orders out directly, for the doors that host nothing: the Action and the command line.

The engine's counterpart. There is no database here; what must be remembered stands on GitHub and Codegen already, in
the markers of replies, in the runs' metadata and in labels, and is read from there. What cannot be read from there
exactly is said in the module that reads it.
"""
