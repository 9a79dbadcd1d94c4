"""The dashboard: one page on top of the HTTP API and its streams, static and without external resources.

`pages` serves it. `page/index.html` is the entry page; `page/main.js` starts it; `page/views` holds the view of each
address behind the page's `#`.
"""
