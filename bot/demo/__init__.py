"""The demo: both emulators and the real server on this machine, a short play, and a page to take part.

Everything goes the way it goes on GitHub: people's comments become signed webhooks over HTTP, and the bot answers by
GitHub's API. Only the two outside worlds are in a box.
"""
