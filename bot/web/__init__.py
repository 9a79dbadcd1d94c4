"""The HTTP server: webhooks, health checks, metrics, the HTTP API, the dashboard. Commands are executed elsewhere."""
