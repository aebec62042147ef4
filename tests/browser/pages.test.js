// The pages as a reader has them: in a browser, with and without scripts, wide and narrow, light and dark, by mouse and by keys.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { LiveBlog, serve, storm } from "./outlet.js";
import { start, until } from "./server.js";

const shots = path.resolve(import.meta.dirname, "../../target/browser");
const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
fs.mkdirSync(shots, { recursive: true });

const harbour = new LiveBlog({ title: "Storm over the lake: ferries held, roads closed", entries: storm(230) });
const coast = new LiveBlog({ title: "Coast battens down as the wind rises", entries: storm(40, { ago: 9, step: 6 }) });
coast.entries.forEach((entry) => (entry.id += 20_000));
coast.entries[1].words += '<figure><img src="https://pictures.example/harbour-picture.png" width="640" height="360"><figcaption>The outer harbour at noon</figcaption></figure>';
const gulf = new LiveBlog({ title: "عاصفة على الساحل: آخر التطورات", language: "ar", entries: storm(3, { ago: 20, step: 30 }) });
gulf.entries.forEach((entry, nth) => Object.assign(entry, { id: 70_000 + nth, headline: "تأخر العبّارة إلى الميناء", by: "سارة النجار", words: "<p>قال مكتب الميناء إن العبّارة تنتظر حتى تهدأ الرياح، وإن الركاب في أمان.</p>" }));

let outlet, tidings, browser;
const complaints = [];

before(async () => {
  outlet = await serve({ "/storm": harbour, "/coast": coast, "/gulf": gulf });
  const outlets = [["Harbour Post", "harbour-post", "Europe/Dublin"], ["Coast Herald", "coast-herald", "Europe/Paris"], ["Gulf Daily", "gulf-daily", "Asia/Dubai"]];
  const table = ([name, slug, zone]) => `[[outlet]]
name = "${name}"
slug = "${slug}"
hosts = ["${slug}.example"]
zone = "${zone}"
entry = "article.update"
published = "header time@datetime"
headline = "h2"
byline = ".by"
body = ".words"
key_event = ".pin"
`;
  const blog = ([page, slug]) => `[[live_blog]]
url = "${outlet.url}${page}"
outlet = "${slug}"
every = "10s"
min_every = "10s"
allow_private = true
`;
  tidings = await start(`listen = "127.0.0.1:0"
store = "tidings.db"
seeds = "SEEDS"
[fetch]
gap = "0s"
${outlets.map(table).join("")}
${[["/storm", "harbour-post"], ["/coast", "coast-herald"], ["/gulf", "gulf-daily"]].map(blog).join("")}
[[topic]]
name = "storm"
title = "The storm"
live_blogs = ["${outlet.url}/storm", "${outlet.url}/coast"]
`);
  const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"];
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: flags });
  await until("all three live blogs are read", async () => {
    const { blogs } = await (await fetch(`${tidings.url}api/v1/blogs`)).json();
    return blogs.filter((blog) => blog.url?.startsWith(outlet.url) && blog.entries > 0).length === 3;
  });
});

after(async () => {
  await browser?.close();
  await tidings?.stop();
  outlet?.close();
});

/** A page of its own, whose complaints (errors, what the policy forbids, requests to elsewhere) fail the test that made it. */
async function open(where, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, timezoneId: "America/New_York", locale: "en-GB", ...options });
  const page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && !message.location().url.includes("pictures.example") && complaints.push(`${where}: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`${where}: ${error.message}`));
  await page.goto(new URL(where, tidings.url).href, { waitUntil: "load" });
  return page;
}

async function done(page) {
  await page.context().close();
  assert.deepEqual(complaints.splice(0), []);
}

const count = (page, selector) => page.locator(selector).count();
const shot = (page, name, fullPage = false) => page.screenshot({ path: path.join(shots, `${name}.png`), fullPage });

async function idOf(blog) {
  const { blogs } = await (await fetch(`${tidings.url}api/v1/blogs`)).json();
  return blogs.find((found) => found.url?.endsWith(blog)).id;
}

test("a timeline of 200 entries is light and soon there", async () => {
  const id = await idOf("/storm");
  const page = await open("/sources");
  const client = await page.context().newCDPSession(page);
  await client.send("Network.enable");
  const bytes = new Map();
  const kinds = new Map();
  client.on("Network.responseReceived", ({ requestId, type }) => kinds.set(requestId, type));
  client.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => bytes.set(requestId, encodedDataLength));
  await page.goto(`${tidings.url}blogs/${id}?limit=200`, { waitUntil: "load" });
  assert.equal(await count(page, ".entry"), 200);
  const wire = [...bytes].filter(([request]) => kinds.get(request) !== "Image").reduce((sum, [, size]) => sum + size, 0);
  // A busy machine is slow now and then, a heavy page always: the middle one of five visits, each with an empty cache.
  const paints = [];
  for (let visit = 0; visit < 5; visit += 1) {
    await client.send("Network.clearBrowserCache");
    await page.goto(`${tidings.url}blogs/${id}?limit=200`, { waitUntil: "load" });
    paints.push(await until("the first paint", () => page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime)));
  }
  const paint = paints.toSorted((one, other) => one - other)[2];
  console.log(`200 entries: ${wire} bytes over the wire, first paint after ${Math.round(paint)} ms`);
  assert.ok(wire > 2000 && wire < 300_000, `${wire} bytes`);
  assert.ok(paint < 1000, `${paints} ms`);
  await done(page);
});

test("without scripts everything is there, in the outlet's own time and in UTC", async () => {
  const page = await open("/topics/storm", { javaScriptEnabled: false });
  assert.equal(await count(page, ".entry"), 100);
  assert.equal(await page.title(), "The storm · tidings");
  const first = page.locator(".entry").first();
  const at = new Date(await first.getAttribute("data-at"));
  const outlets = { "Harbour Post": "Europe/Dublin", "Coast Herald": "Europe/Paris" };
  const zone = outlets[await first.locator(".kicker .outlet").innerText()];
  const local = at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone });
  assert.ok((await first.locator(".local").innerText()).endsWith(local), `${local} in ${zone}`);
  assert.match(await first.locator(".utc").textContent(), new RegExp(`${at.toISOString().slice(11, 16)} UTC`));
  assert.equal(await page.locator(".tools").isVisible(), false);
  // Filtering is a form, paging a link, a stretch of the chart a link.
  await page.fill("#q", "lighthouse");
  await page.click(".filters button[type=submit]");
  assert.equal(new URL(page.url()).search, "?q=lighthouse");
  assert.ok((await count(page, ".entry")) > 10);
  await page.click(".chosen a");
  assert.equal(new URL(page.url()).search, "");
  await page.click(".pager a[rel=prev]");
  assert.match(new URL(page.url()).search, /^\?before=\d+$/);
  assert.equal(await count(page, ".entry"), 100);
  await done(page);
});

test("a new entry comes by itself, under a bar, within two seconds of its fetch", async () => {
  const page = await open("/topics/storm");
  await page.waitForSelector('.status[data-status="on"]', { state: "attached" });
  await page.evaluate(() => scrollTo(0, 1500));
  await page.evaluate(() => (window.neverReloaded = true));
  const before = await page.locator(".entry").nth(5).evaluate((entry) => entry.getBoundingClientRect().top);
  const known = harbour.entries.length;
  const fresh = { id: 99_001, at: Math.floor(Date.now() / 1000) * 1000, headline: "The wall at Fell Point has given way", by: "Maud Ellis", words: "<p>Water runs over Quay Street.</p>", key: true };
  const edited = harbour.entries[2];
  edited.words = edited.words.replace("</p>", " It said so at a quarter past.</p>");
  harbour.entries.unshift(fresh);
  await page.waitForFunction(() => !document.querySelector('[data-tool="arrivals"]').hidden, null, { timeout: 60_000, polling: 50 });
  const sent = harbour.sent.find(({ count }) => count > known).at;
  const took = Date.now() - sent;
  console.log(`a new entry was told of ${took} ms after its page was sent`);
  assert.ok(took < 2000, `${took} ms`);
  assert.equal(await page.locator('[data-tool="arrivals"]').innerText(), "1 new entry");
  assert.match(await page.title(), /^\(1\) The storm/);
  const stayed = await page.locator(".entry").nth(5).evaluate((entry) => entry.getBoundingClientRect().top);
  assert.ok(Math.abs(stayed - before) < 40, `what is read moved from ${before} to ${stayed}`);
  // What was edited has changed where it stands.
  await page.waitForSelector(".entry .edited");
  await shot(page, "new-entry");
  await page.keyboard.press("n");
  assert.equal(await page.locator(".entry h3").first().innerText(), fresh.headline);
  assert.match(await page.title(), /^The storm/);
  assert.equal(await page.evaluate(() => window.neverReloaded), true);
  await done(page);
});

test("whoever follows sees what is new at once", async () => {
  const page = await open("/");
  await page.waitForSelector('.status[data-status="on"]', { state: "attached" });
  await page.click('[data-tool="follow"]');
  coast.entries.unshift({ id: 120_001, at: Math.floor(Date.now() / 1000) * 1000, headline: "Lifeboat called to Fell Point", by: "Theo Quay", words: "<p>Six are aboard.</p>" });
  await page.waitForFunction(() => document.querySelector(".entry h3").innerText === "Lifeboat called to Fell Point", null, { timeout: 60_000 });
  assert.equal(await page.evaluate(() => scrollY), 0);
  assert.equal(await page.locator('[data-tool="arrivals"]').isHidden(), true);
  await done(page);
});

test("whoever wants it is notified of what is new while the page is out of sight", async () => {
  const page = await open("/topics/storm", { permissions: ["notifications"] });
  await page.waitForSelector('.status[data-status="on"]', { state: "attached" });
  const notify = page.locator('[data-tool="notify"]');
  assert.equal(await notify.getAttribute("aria-pressed"), "false");
  // What the browser is asked to show is what counts: this one has no desktop to show it on.
  await page.evaluate(() => {
    const Real = window.Notification;
    window.shown = [];
    window.Notification = class extends Real {
      constructor(title, options) {
        super(title, options);
        window.shown.push({ title, body: options.body });
        window.last = this;
      }
    };
  });
  const post = (id, headline) => coast.entries.unshift({ id, at: Math.floor(Date.now() / 1000) * 1000, headline, by: "Theo Quay", words: "<p>It was seen from the pier.</p>" });
  const arrived = (text) => page.waitForFunction((text) => document.querySelector('[data-tool="arrivals"]').innerText === text, text, { timeout: 60_000 });
  const shown = () => page.evaluate(() => window.shown);
  const sight = (state) => page.evaluate((state) => Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state }), state);
  // Not unasked, even out of sight.
  await sight("hidden");
  post(121_001, "A buoy has come loose");
  await arrived("1 new entry");
  assert.deepEqual(await shown(), []);
  await notify.click();
  await page.waitForSelector('[data-tool="notify"][aria-pressed="true"]');
  post(121_002, "The buoy is off Fell Point");
  await arrived("2 new entries");
  assert.deepEqual(await shown(), [{ title: "Coast Herald", body: "The buoy is off Fell Point" }]);
  // Whoever looks at the page sees it there.
  await sight("visible");
  post(121_003, "The buoy is back");
  await arrived("3 new entries");
  assert.equal((await shown()).length, 1);
  // A click on it leads to what is new.
  await page.evaluate(() => window.last.dispatchEvent(new Event("click")));
  assert.equal(await page.locator(".entry h3").first().innerText(), "The buoy is back");
  await notify.click();
  assert.equal(await notify.getAttribute("aria-pressed"), "false");
  await done(page);
});

test("what an entry has been is shown word by word", async () => {
  const page = await open("/topics/storm");
  await page.locator(".entry .edited").first().click();
  await page.waitForURL(/\/entries\//);
  assert.ok((await count(page, "ins")) > 0, "words that were put in");
  await shot(page, "entry-light", true);
  await done(page);
});

test("filters stand in the address, and their feed is a click away", async () => {
  const page = await open("/");
  await page.click(".outlets .chip:has-text('Coast Herald')");
  await page.waitForURL(/outlet=coast-herald/);
  const names = await page.locator(".entry .kicker .outlet").allInnerTexts();
  assert.ok(names.length > 5 && names.every((name) => name === "Coast Herald"));
  await page.keyboard.press("/");
  await page.keyboard.type("harbour");
  await page.keyboard.press("Enter");
  await page.waitForURL(/q=harbour/);
  const feed = await page.locator(".feeds a:has-text('JSON')").getAttribute("href");
  const items = (await (await fetch(new URL(feed, page.url()))).json()).items;
  const shown = await page.locator(".entry").evaluateAll((all) => all.map((entry) => entry.id.slice(2)));
  assert.deepEqual(items.map((item) => item.id.replace("urn:uuid:", "")), shown);
  await page.locator(".filters summary").click();
  await page.fill("input[name=since]", "2099-01-01");
  await page.keyboard.press("Enter");
  await page.waitForURL(/since=2099-01-01/);
  assert.equal(await count(page, ".entry"), 0);
  await done(page);
});

test("a click on the chart, or a stroke over it, shows that stretch", async () => {
  const page = await open("/topics/storm");
  assert.ok((await count(page, ".bars rect")) > 10);
  const zones = await count(page, ".plot a");
  await page.locator(".plot a").nth(Math.floor(zones / 2)).click();
  await page.waitForURL(/since=.*until=/);
  const stretch = new URL(page.url()).searchParams;
  const [since, end] = [new Date(stretch.get("since")), new Date(stretch.get("until"))];
  const instants = await page.locator(".entry").evaluateAll((all) => all.map((entry) => entry.dataset.at));
  assert.ok(instants.length > 0 && instants.every((at) => new Date(at) >= since && new Date(at) < end), `${since} ${end}`);
  await page.click(".whole");
  assert.equal(new URL(page.url()).search, "");
  const box = await page.locator(".plot").boundingBox();
  await page.mouse.move(box.x + box.width * 0.25, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.4, box.y + 42, { steps: 4 });
  await page.mouse.move(box.x + box.width * 0.6, box.y + 42, { steps: 4 });
  await shot(page, "brush");
  await page.mouse.up();
  await page.waitForURL(/since=.*until=/);
  const drawn = new URL(page.url()).searchParams;
  assert.ok(new Date(drawn.get("until")) - new Date(drawn.get("since")) >= 600_000);
  await done(page);
});

test("keys move, search, open and explain", async () => {
  const page = await open("/topics/storm");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  assert.equal(await page.evaluate(() => Array.from(document.querySelectorAll(".entry")).indexOf(document.activeElement)), 1);
  await page.keyboard.press("k");
  assert.equal(await page.evaluate(() => Array.from(document.querySelectorAll(".entry")).indexOf(document.activeElement)), 0);
  const [opened] = await Promise.all([page.context().waitForEvent("page"), page.keyboard.press("o")]);
  await opened.waitForLoadState("commit");
  assert.ok(opened.url().startsWith(outlet.url), opened.url());
  await opened.close();
  await page.keyboard.press("?");
  assert.equal(await page.locator("dialog.keys").isVisible(), true);
  await shot(page, "keys");
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.id), "q");
  await done(page);
});

test("times are those of the reader, or UTC, and say how they are known", async () => {
  const page = await open("/topics/storm");
  const stamp = page.locator(".entry").first().locator(".stamp");
  const at = new Date(await page.locator(".entry").first().getAttribute("data-at"));
  const clock = (timeZone) => at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone });
  assert.equal(await stamp.locator(".local").innerText(), clock("America/New_York"));
  await page.keyboard.press("t");
  assert.equal(await stamp.locator(".local").innerText(), clock("UTC"));
  await page.reload();
  assert.equal(await stamp.locator(".local").innerText(), clock("UTC"), "it is remembered");
  const evidence = page.locator(".entry").first().locator(".evidence");
  assert.equal(await evidence.isVisible(), false);
  await stamp.focus();
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Tab");
  await until("the evidence is shown on focus", () => evidence.isVisible(), 3000);
  assert.match(await evidence.innerText(), /Printed .*Precision: to the (second|minute)/s);
  await until("it has faded in", () => evidence.evaluate((told) => getComputedStyle(told).opacity === "1"), 3000);
  await shot(page, "evidence");
  await done(page);
});

test("a text that runs from right to left is shown so, in its language", async () => {
  const page = await open(`/blogs/${await idOf("/gulf")}`);
  const body = page.locator(".entry .body").first();
  assert.equal(await body.getAttribute("lang"), "ar");
  assert.equal(await body.evaluate((body) => getComputedStyle(body).direction), "rtl");
  await shot(page, "right-to-left");
  await done(page);
});

test("pictures wait until they are in view, and their hosts are not told from where", async () => {
  const page = await open(`/blogs/${await idOf("/coast")}`);
  const picture = page.locator(".entry img").first();
  const has = (name) => picture.getAttribute(name);
  assert.deepEqual([await has("loading"), await has("referrerpolicy"), await has("alt")], ["lazy", "no-referrer", ""]);
  await done(page);
});

test("a feed's address is put together without a script", async () => {
  const page = await open("/subscribe", { javaScriptEnabled: false });
  await page.selectOption("select[name=of]", "topics/storm");
  await page.check("input[name=format][value=rss]");
  await page.fill("input[name=q]", "ferry");
  await page.check("input[name=edits][value=append]");
  await page.click("button.primary");
  const address = await page.locator(".address code").innerText();
  assert.equal(address, `${tidings.url}topics/storm/feed.rss?q=ferry&edits=append`);
  const feed = await fetch(address);
  assert.equal(feed.status, 200);
  assert.match(await feed.text(), /<title>The storm/);
  await done(page);
});

test("a feed that a browser opens is readable", async () => {
  for (const ending of ["atom", "rss"]) {
    const page = await open("/sources");
    await page.goto(`${tidings.url}topics/storm/feed.${ending}?limit=20`);
    const seen = await page.evaluate(() => {
      const shown = (name) => Array.from(document.getElementsByTagName(name)).filter((element) => getComputedStyle(element).display !== "none").length;
      return { titles: shown("title"), ids: shown("id") + shown("guid"), ground: getComputedStyle(document.documentElement).maxWidth };
    });
    await shot(page, `feed-${ending}`);
    assert.ok(seen.titles >= 20 && seen.ids === 0 && seen.ground !== "none", JSON.stringify(seen));
    await done(page);
  }
});

test("nothing keeps people out, light or dark, and every page is looked at", async () => {
  const entry = await (await fetch(`${tidings.url}api/v1/entries?limit=1`)).json();
  const pages = { timeline: "/", topic: "/topics/storm", story: "/topics/kazakhstan-2022", blog: `/blogs/${await idOf("/storm")}`, filtered: "/?q=harbour&key_events=1", empty: "/?q=nothinglikethis", sources: "/sources", subscribe: "/subscribe", entry: `/entries/${entry.entries[0].id.replace("urn:uuid:", "")}` };
  const found = [];
  for (const colorScheme of ["light", "dark"]) {
    for (const [name, where] of Object.entries(pages)) {
      const page = await open(where, { colorScheme });
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
      for (const { id, impact, nodes } of violations.filter(({ impact }) => impact === "serious" || impact === "critical")) {
        found.push(`${name}, ${colorScheme}: ${id} (${impact}) at ${nodes.slice(0, 3).map((node) => `${node.target} ${node.html.slice(0, 120)} ${node.any.map((check) => check.message).join("; ")}`).join(" | ")}`);
      }
      await shot(page, `${name}-${colorScheme}`);
      await done(page);
    }
  }
  assert.deepEqual(found, []);
});

test("a phone shows all of it, and nothing runs over the edge", async () => {
  for (const [name, where] of [["timeline", "/"], ["topic", "/topics/storm"], ["sources", "/sources"], ["subscribe", "/subscribe"]]) {
    const page = await open(where, { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 0, `${where} is ${over} pixels too wide`);
    await shot(page, `${name}-phone`);
    await page.evaluate(() => document.querySelector(".entry, .source, .ways")?.scrollIntoView());
    await shot(page, `${name}-phone-below`);
    await done(page);
  }
});
