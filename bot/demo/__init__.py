"""The demo: both emulators and the real server on this machine, a short scripted conversation, and a page to take part.

Everything works as on GitHub: users' comments become signed webhooks over HTTP, and the bot answers through GitHub's
API. Only GitHub and Codegen are emulated.
"""
