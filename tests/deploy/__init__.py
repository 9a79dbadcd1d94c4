"""What deploys the bot: the image, compose, Kubernetes, systemd and the release, as far as they can be tried here."""
