// One websocket a page. Its messages {topic, what, data} become CustomEvents "live:<what>" on document.body, which HTMX
// triggers and other modules listen to; "live", with what, comes before each. After a gap every listener is told once ("live:job" and the rest with
// detail.missed), because what happened meanwhile was not heard.

import { carried } from "./fetching.js";

const KINDS = ["job", "log", "evaluation", "metrics", "problems", "checkpoint", "geometry", "comment"];
const LONGEST_WAIT = 15_000;
const REFUSED = 4403;
// A page that a share link opened follows with the link's token: a frame of another site has no cookies.
const share = carried.get("share");
const topics = (document.body.dataset.topics ?? "").split(/\s+/).filter(Boolean);
const indicator = document.querySelector("[data-live-state]");
let wait = 500;
let connectedBefore = false;

function tell(what, detail) {
  document.body.dispatchEvent(new CustomEvent("live", { detail: { what } }));
  document.body.dispatchEvent(new CustomEvent(`live:${what}`, { detail }));
}

function show(text) {
  if (indicator) indicator.textContent = text;
}

function connect() {
  const address = new URL("/live/", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  address.searchParams.set("topics", topics.join(","));
  if (share) address.searchParams.set("share", share);
  const socket = new WebSocket(address);
  socket.onopen = () => {
    wait = 500;
    show("live");
    if (connectedBefore) KINDS.filter((what) => what !== "log").forEach((what) => tell(what, { missed: true, data: {} }));
    connectedBefore = true;
  };
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (KINDS.includes(message.what)) tell(message.what, message);
  };
  socket.onclose = ({ code }) => {
    if (code === REFUSED) {
      show("not live: reload the page");
      tell("refused", { data: {} });
      return;
    }
    show("reconnecting …");
    setTimeout(connect, wait * (0.75 + Math.random() / 2));
    wait = Math.min(wait * 2, LONGEST_WAIT);
  };
}

if (topics.length) connect();
