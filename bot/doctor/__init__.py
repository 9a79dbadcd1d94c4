"""What ``codegen-bot doctor`` looks at: the settings and all that they lead to, each thing with how to mend it.

`examine` is the list of looks, one module for each part of the world; `needs` is what the bot has to be allowed. It
changes nothing anywhere, and asks each world a handful of questions.
"""
