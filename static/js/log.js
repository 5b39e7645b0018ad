// The live log of a job: what the page came with, then lines as they are written. It follows the end while the reader
// is at the end, and stays where the reader scrolled to. After a gap in the connection the whole tail is read again.

const LONGEST = 5_000;
const element = document.getElementById("log");
const state = document.querySelector("[data-log-state]");
let lines = element.textContent.replace(/\n$/, "").split("\n");

const atEnd = () => element.scrollHeight - element.scrollTop - element.clientHeight < 24;

function show(follow) {
  if (lines.length > LONGEST) lines = lines.slice(-LONGEST);
  element.textContent = lines.join("\n");
  if (follow) element.scrollTop = element.scrollHeight;
  if (state) state.textContent = follow ? "" : "new lines below";
}

async function readAgain() {
  const follow = atEnd();
  const response = await fetch(element.dataset.log).catch(() => null);
  if (!response?.ok) {
    if (state) state.textContent = "the log could not be read again; reload the page";
    return;
  }
  lines = (await response.text()).replace(/\n$/, "").split("\n");
  show(follow);
}

document.body.addEventListener("live:log", ({ detail }) => {
  if (detail.topic !== element.dataset.topic) return;
  const follow = atEnd();
  if (lines.length === 1 && lines[0] === "") lines = [];
  lines.push(...detail.data.lines);
  show(follow);
});
document.body.addEventListener("live:job", ({ detail }) => {
  if (detail.missed || ["succeeded", "failed", "cancelled", "lost"].includes(detail.data?.state)) readAgain();
});
element.addEventListener("scroll", () => { if (state && atEnd()) state.textContent = ""; });
element.scrollTop = element.scrollHeight;
