"""Growth of the processing time of untrusted text with its length, for the worst input that is found.

`targets` lists what is measured, `worst` searches for inputs, `__main__` measures and prints.
"""
