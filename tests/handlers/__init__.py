"""Parts of the handlers that no conversation reaches."""
