// Shows a log while it grows. The page works without it: it then shows the log as it was when it was loaded.
"use strict";
(() => {
  const log = document.getElementById("log");
  if (!log || !log.dataset.events || !window.EventSource) return;
  const set = (id, text) => { const e = document.getElementById(id); if (e && e.textContent !== text) e.textContent = text; };
  const atEnd = () => window.innerHeight + window.scrollY >= document.body.scrollHeight - 40;
  const source = new EventSource(log.dataset.events); // it goes on by itself after a lost connection, where it stopped
  const show = (event) => {
    const part = JSON.parse(event.data), follow = atEnd();
    log.append(document.createTextNode(part.text));
    set("summary", part.summary || "");
    set("note", part.note || "");
    const status = document.querySelector("#status .status");
    if (status) status.textContent = part.status === "InProgress" ? "in progress" : part.status.toLowerCase();
    if (follow) window.scrollTo(0, document.body.scrollHeight); // who reads the end sees it grow
    if (!part.ended) return;
    source.close();
    set("end", "The end of the log.");
    if (status) status.className = "status " + ({ Succeeded: "good", Failed: "bad" }[part.status] || "");
  };
  source.addEventListener("log", show);
  source.addEventListener("end", show);
  source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) set("end", "The connection was lost; load the page again."); });
  window.addEventListener("pagehide", () => source.close());
})();
