"""Missed deliveries: GitHub delivers once, and never again by itself.

`watch` has the rounds: at start, then every few minutes, at one of the processes on a database. Where the log of
deliveries can be read (`delivery_log`), what failed is asked for again, as far as it is worth it (`worth`); where no
log can, the comments themselves are read (`comments`). What is delivered again comes in by the usual door, with its
signature; nothing happens twice, because an order's identity stays the same. Taking orders is not done here.

`deferred` has what did arrive, and was refused because the repository's config could not be read.
"""
