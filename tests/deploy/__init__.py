"""Deployment: the image, compose, Kubernetes, systemd and the release, as far as they can be tested here."""
