"""Runs commands directly, without engine and database, for the Action and the command line.

The engine's counterpart. All state is already on GitHub and Codegen, in the markers of replies, in the runs' metadata
and in labels, and is read from there. Where that is inexact, the module that reads it says so.
"""
