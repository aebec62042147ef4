// What a timeline does in a browser that runs scripts: new entries as they are published, times where the reader is, keys, and
// a stretch of the chart by drawing over it. Without it the page is whole; it only does not move.
"use strict";

(() => {
  const main = document.getElementById("main");
  const list = main.querySelector(".entries");
  const find = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
  const entries = () => all(".entry", list);
  const tool = (name) => find(`[data-tool="${name}"]`);
  find(".tools").hidden = false;

  // What a reader has chosen, where the browser lets us remember.
  const remembered = (key) => {
    try {
      return localStorage.getItem(`tidings.${key}`);
    } catch {
      return null;
    }
  };
  const remember = (key, value) => {
    try {
      localStorage.setItem(`tidings.${key}`, value);
    } catch {
      // A browser that keeps nothing forgets it with the page.
    }
  };

  // ── Times ──

  const language = navigator.languages?.[0] || "en";
  let clock = remembered("clock") === "utc" ? "utc" : "local";
  const zoned = (options) => {
    const zone = clock === "utc" ? { timeZone: "UTC" } : {};
    return new Intl.DateTimeFormat(options.weekday ? "en-GB" : language, { ...options, ...zone });
  };

  function writeTimes(within) {
    const minute = zoned({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    const day = zoned({ day: "numeric", month: "short" });
    for (const stamp of all(".stamp", within)) {
      const local = find(".local", stamp);
      const at = new Date(local.dateTime);
      const precision = local.dataset.precision;
      const said = precision === "day" ? day.format(at) : (precision === "hour" ? "~" : "") + minute.format(at);
      local.textContent = said;
      local.classList.remove("alone");
      const zone = find(".zone", stamp);
      if (zone) zone.textContent = clock === "utc" ? "UTC" : "";
      const utc = find(".utc", stamp);
      utc.hidden = clock === "utc" || new Date(at).getTimezoneOffset() === 0;
    }
  }

  // The headings between days, anew: a day begins elsewhere in another zone.
  function writeDays() {
    for (const heading of all(".day", list)) heading.remove();
    const long = zoned({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
    let before = null;
    for (const entry of entries()) {
      const told = long.format(new Date(entry.dataset.at));
      if (told === before) continue;
      before = told;
      const heading = document.createElement("h2");
      heading.className = "day";
      heading.textContent = told;
      entry.before(heading);
    }
  }

  function setClock(which) {
    clock = which;
    remember("clock", which);
    for (const button of all("[data-clock]")) button.setAttribute("aria-pressed", String(button.dataset.clock === which));
    writeTimes(list);
    writeDays();
  }
  for (const button of all("[data-clock]")) button.addEventListener("click", () => setClock(button.dataset.clock));
  setClock(clock);

  // ── Keys ──

  let current = null;
  function go(step) {
    const shown = entries();
    if (shown.length === 0) return;
    const at = current ? shown.indexOf(current) : -1;
    let next = at + step;
    if (at < 0) {
      const edge = find(".site").getBoundingClientRect().bottom + 40;
      next = shown.findIndex((entry) => entry.getBoundingClientRect().bottom > edge);
      if (step < 0) next -= 1;
    }
    select(shown[Math.max(0, Math.min(next, shown.length - 1))]);
  }
  function select(entry) {
    current?.classList.remove("current");
    current = entry;
    entry.classList.add("current");
    entry.focus({ preventScroll: true });
    entry.scrollIntoView({ block: "start" });
  }
  list.addEventListener("focusin", (event) => {
    const entry = event.target.closest(".entry");
    if (!entry || entry === current) return;
    current?.classList.remove("current");
    current = entry;
    entry.classList.add("current");
  });
  const open = (link) => link && window.open(link.href, "_blank", "noopener,noreferrer");
  const dialog = find(".keys");
  const keys = {
    j: () => go(1),
    k: () => go(-1),
    o: () => open(current && find(".permalink", current)),
    h: () => current && find(".own", current).click(),
    n: () => showArrivals(),
    f: () => tool("follow")?.click(),
    t: () => setClock(clock === "utc" ? "local" : "utc"),
    "/": () => find("#q").focus(),
    "?": () => dialog.showModal(),
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (typing && event.key === "Escape") return event.target.blur();
    if (typing || dialog.open || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });
  tool("keys").addEventListener("click", () => dialog.showModal());

  list.addEventListener("click", (event) => {
    const unfold = event.target.closest("[data-unfold]");
    if (!unfold || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    find(".body", unfold.closest(".what")).classList.add("unfolded");
    unfold.parentElement.remove();
  });

  // ── The chart: draw over a stretch of it to see what is in it ──

  let drawn = null;
  function brushable(plot) {
    if (!plot) return;
    const brush = find(".brush", plot);
    const from = Number(plot.dataset.from);
    const until = Number(plot.dataset.until);
    const bar = Number(plot.dataset.bar) * 60;
    const share = (event) => {
      const box = plot.getBoundingClientRect();
      return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
    };
    const draw = (one, other) => {
      brush.setAttribute("x", `${Math.min(one, other) * 100}%`);
      brush.setAttribute("width", `${Math.abs(one - other) * 100}%`);
    };
    plot.addEventListener("pointerdown", (event) => {
      if (event.button === 0) drawn = { plot, start: share(event), moved: false };
    });
    // A link would be dragged away instead.
    plot.addEventListener("dragstart", (event) => event.preventDefault());
    plot.addEventListener("pointermove", (event) => {
      if (drawn?.plot !== plot) return;
      const now = share(event);
      if (!drawn.moved && Math.abs(now - drawn.start) * plot.getBoundingClientRect().width < 6) return;
      if (!drawn.moved) plot.setPointerCapture(event.pointerId);
      drawn.moved = true;
      draw(drawn.start, now);
    });
    plot.addEventListener("pointercancel", () => {
      drawn = null;
      draw(0, 0);
    });
    plot.addEventListener("pointerup", (event) => {
      if (drawn?.plot !== plot || !drawn.moved) return void (drawn = null);
      const ends = [drawn.start, share(event)].sort((one, other) => one - other);
      drawn = null;
      const second = (at, round) => round((from + at * (until - from)) / bar) * bar;
      const since = second(ends[0], Math.floor);
      const end = Math.max(second(ends[1], Math.ceil), since + bar);
      const there = new URL(location.href);
      const exact = (seconds) => new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
      there.searchParams.delete("before");
      there.searchParams.set("since", exact(since));
      there.searchParams.set("until", exact(end));
      plot.addEventListener("click", (click) => click.preventDefault(), { once: true, capture: true });
      location.assign(there);
    });
  }
  brushable(find(".plot"));

  // ── What is new ──

  if (!main.dataset.live) return;
  const title = document.title;
  const arrivals = tool("arrivals");
  const follow = tool("follow");
  const notify = tool("notify");
  const status = find(".status");
  let waiting = new Map();
  let following = false;
  let wanted = false;
  let asking = false;
  let timer = null;

  function setStatus(value, told) {
    status.dataset.status = value;
    status.firstElementChild.textContent = told;
    status.title = told;
  }

  function tell() {
    const count = waiting.size;
    arrivals.hidden = count === 0;
    arrivals.textContent = count === 1 ? "1 new entry" : `${count} new entries`;
    document.title = count ? `(${count}) ${title}` : title;
  }

  // Puts an entry where its time belongs.
  function place(entry) {
    const next = entries().find((other) => other.dataset.at <= entry.dataset.at);
    const end = all(":scope > .entry", list).pop();
    if (next) next.before(entry);
    else if (end) end.after(entry);
    else list.append(entry);
  }

  function showArrivals() {
    if (waiting.size === 0) return;
    find(".none", list)?.remove();
    for (const entry of waiting.values()) {
      place(entry);
      entry.classList.add("fresh");
    }
    const first = [...waiting.values()].sort((one, other) => (one.dataset.at < other.dataset.at ? 1 : -1))[0];
    waiting = new Map();
    writeTimes(list);
    writeDays();
    tell();
    if (following) scrollTo({ top: 0 });
    else select(first);
  }
  arrivals.addEventListener("click", showArrivals);

  // What the server would show now, beside what is shown: new entries wait, changed ones change where they stand.
  function compare(page) {
    const known = new Map(entries().map((entry) => [entry.id, entry]));
    const fresh = [];
    let changed = false;
    for (const entry of all(".entries .entry", page)) {
      const shown = known.get(entry.id);
      const copy = () => document.importNode(entry, true);
      if (!shown && waiting.get(entry.id)?.dataset.state !== entry.dataset.state) {
        if (!waiting.has(entry.id)) fresh.push(entry);
        waiting.set(entry.id, copy());
      } else if (shown && shown.dataset.state !== entry.dataset.state) {
        const anew = copy();
        if (shown === current) {
          anew.classList.add("current");
          current = anew;
        }
        shown.replaceWith(anew);
        changed = true;
      }
    }
    // What has fallen out of a full page, or was on an older one, is not new.
    const oldest = entries().at(-1)?.dataset.at;
    for (const [id, entry] of waiting) {
      if (oldest && find(".pager [rel=prev]", list) && entry.dataset.at < oldest) waiting.delete(id);
    }
    const chart = find(".chart", page);
    const before = find(".chart");
    if (chart && !drawn && before?.outerHTML !== chart.outerHTML) {
      const anew = document.importNode(chart, true);
      if (before) before.replaceWith(anew);
      else find(".subject").after(anew);
      brushable(find(".plot", anew));
    }
    for (const chip of all(".outlets .chip", page)) {
      const shown = all(".outlets .chip").find((other) => other.getAttribute("href") === chip.getAttribute("href"));
      if (shown) find(".count", shown).textContent = find(".count", chip).textContent;
    }
    if (changed) {
      writeTimes(list);
      writeDays();
    }
    tell();
    if (fresh.length) announce(fresh);
    if (following) showArrivals();
  }

  function announce(fresh) {
    if (notify.getAttribute("aria-pressed") !== "true" || document.visibilityState === "visible") return;
    const newest = fresh[0];
    const told = find("h3", newest) || find(".body", newest);
    const outlet = find(".outlet", newest).textContent;
    const body = (told?.textContent || "").trim().slice(0, 160);
    const more = fresh.length > 1 ? ` and ${fresh.length - 1} more` : "";
    const shown = new Notification(`${outlet}${more}`, { body, tag: "tidings" });
    shown.addEventListener("click", () => {
      window.focus();
      showArrivals();
    });
  }

  // One request at a time, and one more if something changed meanwhile.
  async function ask() {
    wanted = true;
    if (asking) return;
    asking = true;
    while (wanted) {
      wanted = false;
      try {
        const answer = await fetch(location.href, { cache: "no-cache", headers: { accept: "text/html" } });
        if (answer.ok) compare(new DOMParser().parseFromString(await answer.text(), "text/html"));
      } catch {
        // The stream says when the server is there again.
      }
    }
    asking = false;
  }
  function soon() {
    clearTimeout(timer);
    timer = setTimeout(ask, 150);
  }

  function listen() {
    const address = new URL(`${main.dataset.root}events`, location.href);
    const asked = new URLSearchParams(main.dataset.events || "");
    // Whoever came with a key in the address needs it there too.
    const key = new URL(location.href).searchParams.get("key");
    if (key) asked.set("key", key);
    address.search = asked.toString();
    const stream = new EventSource(address);
    stream.addEventListener("open", () => {
      setStatus("on", "Live: new entries arrive by themselves");
      soon();
    });
    stream.addEventListener("error", () => {
      setStatus("lost", "The connection is lost; trying again");
      if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 15000);
    });
    for (const kind of ["message", "reset"]) stream.addEventListener(kind, soon);
  }
  listen();
  // A machine that slept may hold a stream that is dead and does not know it.
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && soon());

  follow.addEventListener("click", () => {
    following = !following;
    follow.setAttribute("aria-pressed", String(following));
    if (following) {
      showArrivals();
      scrollTo({ top: 0 });
    }
  });

  notify.hidden = !("Notification" in window);
  notify.addEventListener("click", async () => {
    if (notify.getAttribute("aria-pressed") === "true") return notify.setAttribute("aria-pressed", "false");
    const permission = await Notification.requestPermission();
    notify.setAttribute("aria-pressed", String(permission === "granted"));
    if (permission === "denied") notify.title = "This browser does not allow notifications of this page";
  });
})();
