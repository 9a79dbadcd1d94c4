"""The dashboard: one page on top of the HTTP API and its streams, served as it lies here, with nothing from elsewhere.

`pages` serves it. `page/index.html` is what a browser gets first; `page/main.js` begins; `page/views` holds what is
shown under each address behind the page's `#`.
"""
