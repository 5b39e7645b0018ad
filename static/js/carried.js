// What every request of an opened view carries along: the token of the share link that opened it (a frame of another
// site has no cookies) and the short name of the saved view. A classic script, so that it stands before every module.
// It tells "view:asked" before every request, when the page may have another state than before.

(() => {
  const carried = new URLSearchParams(document.querySelector('meta[name="carried"]')?.content ?? "");
  if (!carried.toString()) return;

  function carrying(address) {
    const url = new URL(address, document.baseURI);
    if (url.origin === location.origin) {
      for (const [name, value] of carried) if (!url.searchParams.has(name)) url.searchParams.set(name, value);
    }
    return url;
  }

  const ask = window.fetch.bind(window);
  window.fetch = async (resource, options) => {
    const read = !options?.method || options.method === "GET";
    document.dispatchEvent(new CustomEvent("view:asked"));
    return ask(read && !(resource instanceof Request) ? carrying(resource) : resource, options);
  };

  document.addEventListener("htmx:configRequest", ({ detail }) => {
    if (detail.verb !== "get") return;
    const asked = new URL(detail.path, location).searchParams;
    for (const [name, value] of carried) if (!(name in detail.parameters) && !asked.has(name)) detail.parameters[name] = value;
  });
})();
