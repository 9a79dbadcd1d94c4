"""The settings: each declared once, with its description, read from the environment, files or a `.env` file.

`model` declares them, `environment` finds their values, `loading` gives a process those that it needs.

Their names are fixed: existing installations use them. All missing and wrong settings are reported at once, by name,
with where to get a value: otherwise five wrong settings would cost five failed starts.

pydantic-settings is not used: it takes as long to import as pydantic itself, and most of it would be overridden.
"""
