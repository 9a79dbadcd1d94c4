"""How the time of everything that reads others' text grows with the text's length, on the worst input that is found.

`targets` says what is measured, `worst` looks for inputs, `__main__` measures and prints.
"""
