"""Durable execution: an accepted command is carried out exactly once, whatever crashes.

The only importer of dbos. An invocation's identity is its workflow's id, so submitting it twice has no further effect;
every call whose result matters is a step, so an interrupted workflow resumes after its last finished step.
"""
