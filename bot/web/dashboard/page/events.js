// Parses Server-Sent Events from text that arrives in chunks: https://html.spec.whatwg.org/multipage/server-sent-events.html

export class EventReader {
  #rest = "";
  #data = [];
  #type = "";
  #id = "";
  #mayStartWithFeed = false;

  /**
   * The events that are complete with this chunk.
   * @param {string} chunk
   * @returns {Iterable<{type: string, id: string, data: string}>} `id` is the last one received
   */
  *read(chunk) {
    // A chunk may end between the \r and the \n of one line end.
    let text = this.#mayStartWithFeed && chunk.startsWith("\n") ? chunk.slice(1) : chunk;
    if (chunk) this.#mayStartWithFeed = false;
    const end = /\r\n|\n|\r/g;
    end.lastIndex = this.#rest.length;
    text = this.#rest + text;
    this.#rest = "";
    let start = 0;
    try {
      for (let found; (found = end.exec(text)) !== null; ) {
        const line = text.slice(start, found.index);
        start = end.lastIndex;
        if (found[0] === "\r" && start === text.length) this.#mayStartWithFeed = true;
        const event = this.#take(line);
        if (event) yield event;
      }
    } finally {
      this.#rest = text.slice(start);
    }
  }

  #take(line) {
    if (line === "") return this.#event();
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "data") this.#data.push(value);
    if (field === "event") this.#type = value;
    if (field === "id" && !value.includes("\0")) this.#id = value;
    return null;
  }

  #event() {
    const event = this.#data.length ? { type: this.#type || "message", id: this.#id, data: this.#data.join("\n") } : null;
    this.#data = [];
    this.#type = "";
    return event;
  }
}
