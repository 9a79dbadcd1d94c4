"""Redelivery of missed deliveries: GitHub delivers once, and never retries on its own.

`watch` runs the rounds: at start, then every few minutes, in one of the processes on a database. If the log of
deliveries can be read (`delivery_log`), failed deliveries are redelivered where that helps;
otherwise the comments themselves are read (`comments`). A redelivery arrives as a normal webhook, with its signature;
nothing happens twice, because an invocation's identity stays the same. Commands are not accepted here.

`deferred` retries events that did arrive, but were refused because the repository's config could not be read.
"""
