// The state of a view is its address: what the address leaves out has its default, "". Choosing makes a history entry, so
// Back is undo; while something is dragged the address waits.

/** What the address carries along whatever the state is: the saved view, the token of a share link. */
function carried() {
  const address = new URLSearchParams(location.search);
  return new URLSearchParams(["view", "share"].filter((key) => address.has(key)).map((key) => [key, address.get(key)])).toString();
}

export class Address {
  /** `keys` are the parameters of the page. `read(found)` may replace values after they were read from the address. */
  constructor(keys, read = (found) => found) {
    Object.assign(this, { keys, reading: read, listeners: [] });
    this.state = this.#read();
    addEventListener("popstate", () => this.change(this.#read(), { commit: false }));
  }

  #read() {
    const address = new URLSearchParams(location.search);
    return this.reading(Object.fromEntries(this.keys.map((key) => [key, address.get(key) ?? ""])));
  }

  /** The query string of some keys, without those that have their default. */
  query(keys = this.keys) {
    const kept = keys.filter((key) => this.state[key] !== "" && this.state[key] !== null);
    return new URLSearchParams(kept.map((key) => [key, String(this.state[key])])).toString();
  }

  /** Calls `listener(changed)` after every change, with the set of keys that changed. */
  onChange(listener) {
    this.listeners.push(listener);
  }

  /** Takes new values. With `commit` the address follows, as a new history entry when it differs. */
  change(values, { commit = true } = {}) {
    const changed = new Set(Object.keys(values).filter((key) => this.state[key] !== values[key]));
    Object.assign(this.state, values);
    if (commit && this.#search() !== location.search) history.pushState(null, "", this.#search() || location.pathname);
    if (changed.size) for (const listener of this.listeners) listener(changed);
  }

  /** Writes the state as it is into the address in place: Back leaves the page. */
  replace() {
    history.replaceState(null, "", this.#search() || location.pathname);
  }

  #search() {
    const kept = [this.query(), carried()].filter(Boolean).join("&");
    return kept && `?${kept}`;
  }
}
