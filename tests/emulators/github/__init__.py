"""The GitHub emulator, judged by githubkit models and by the description that GitHub publishes."""
