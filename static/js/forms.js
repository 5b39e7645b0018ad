// A form whose choices stand in the address shows those of the address: a browser that comes back to a page would fill in
// what was chosen as it was left.

addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll('form[method="get"]')) form.reset();
});
