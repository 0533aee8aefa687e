// Loads the page's main part anew when the server says that something changed. Pages work without it.
"use strict";
(() => {
  const main = () => document.querySelector("main");
  if (!main() || !window.EventSource || !document.body.dataset.live) return;
  let source = null, busy = false, again = false;

  // somebody is reading or writing here: leave the page as it is
  const occupied = () => {
    const inside = document.activeElement && main().contains(document.activeElement) ? document.activeElement : null;
    if (inside && /^(INPUT|TEXTAREA|SELECT|BUTTON)$/.test(inside.tagName)) return true;
    if (main().querySelector(".act details[open]")) return true; // what is being decided must not change under the hand
    const selection = window.getSelection();
    if (selection && !selection.isCollapsed && main().contains(selection.anchorNode)) return true;
    return [...main().querySelectorAll("textarea, input:not([type=hidden])")].some((i) => i.value !== i.defaultValue);
  };

  const refresh = async () => {
    if (busy) { again = true; return; }
    if (occupied()) return;
    busy = true;
    try {
      const reply = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      if (!reply.ok || reply.redirected) return;
      const next = new DOMParser().parseFromString(await reply.text(), "text/html").querySelector("main");
      if (!next || occupied()) return;
      const open = new Map([...main().querySelectorAll("details[id]")].map((d) => [d.id, d.open]));
      const scroll = new Map([...main().querySelectorAll("pre[id]")].map((p) => [p.id, [p.scrollTop, p.scrollHeight - p.clientHeight]]));
      for (const d of next.querySelectorAll("details[id]")) if (open.has(d.id)) d.open = open.get(d.id);
      const message = main().querySelector(".message");
      if (message && !next.querySelector(".message")) next.prepend(message);
      main().replaceWith(document.adoptNode(next));
      for (const p of main().querySelectorAll("pre[id]")) {
        const was = scroll.get(p.id);
        if (was) p.scrollTop = was[0] >= -4 ? 0 : was[0] + was[1] - (p.scrollHeight - p.clientHeight); // 0 is the end: who reads it sees it grow
      }
    } catch { /* the next event tries again */ } finally {
      busy = false;
      if (again) { again = false; refresh(); }
    }
  };

  const listen = () => {
    if (source || document.hidden) return;
    source = new EventSource("/events");
    source.addEventListener("changed", refresh);
  };
  // browsers open only a few connections to one host: pages in the background give theirs back
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { if (source) source.close(); source = null; return; }
    listen();
    refresh();
  });
  window.addEventListener("pagehide", () => { if (source) source.close(); source = null; });
  listen();
})();
