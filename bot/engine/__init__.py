"""Makes the handlers' stories durable: an order that was taken is carried out, once, whatever crashes.

The only importer of dbos. An order's identity is its workflow's id, so taking it twice is taking it once; every call
whose answer matters is a step, so a story that a crash cut off goes on behind the last step that was finished.
"""
