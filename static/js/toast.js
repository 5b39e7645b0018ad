// toast(words, { undo, grave }) says in one line at the foot of the page what just happened. With `undo`, an async function,
// it offers to take it back and stays longer, as does what is `grave`; while the pointer or the focus is on it, it stays.

const SHORT_MS = 2_000;
const LONG_MS = 8_000;
let shown = null;

/** Shows `words` in place of whatever was said before. A failed undo is said too. */
export function toast(words, { undo = null, grave = false } = {}) {
  shown?.remove();
  const box = Object.assign(document.createElement("div"), { className: "toast" });
  box.setAttribute("role", grave ? "alert" : "status");
  document.body.append(box);
  // A live region is read out when its content changes, so the words come after the box.
  box.append(Object.assign(document.createElement("span"), { textContent: words }));
  if (undo) box.append(undoButton(undo, box));
  shown = box;
  fade(box, undo || grave ? LONG_MS : SHORT_MS);
  return box;
}

function undoButton(undo, box) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Undo", className: "undo" });
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await undo();
      if (box.isConnected) toast("Undone");
    } catch (error) {
      toast(`It could not be undone: ${error.message}`, { grave: true });
    }
  });
  return button;
}

function fade(box, milliseconds) {
  let timer = setTimeout(() => box.remove(), milliseconds);
  const hold = () => clearTimeout(timer);
  const release = () => { clearTimeout(timer); timer = setTimeout(() => box.remove(), SHORT_MS); };
  box.addEventListener("pointerenter", hold);
  box.addEventListener("focusin", hold);
  box.addEventListener("pointerleave", release);
  box.addEventListener("focusout", release);
}
