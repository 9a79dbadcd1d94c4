"""The server's door: webhooks in, health and metrics out. What a webhook asks for is done elsewhere."""
