"""The demo: a short scripted conversation with the real server and an agent on this machine, and a page to take part.

Everything works as on GitHub: users' comments become signed webhooks over HTTP, and the bot answers through GitHub's
API. Only GitHub is emulated.
"""
