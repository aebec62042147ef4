// Two small newsrooms on this machine, whose live blogs the test edits while they are followed.
import http from "node:http";

const MINUTE = 60_000;

/** A live blog: `entries` from the newest, each `{ id, at, headline, by, words, key }`. */
export class LiveBlog {
  constructor({ title, language = "en", entries = [] }) {
    Object.assign(this, { title, language, entries });
    /** When each state of the page was sent, with the number of entries on it. */
    this.sent = [];
  }

  html() {
    const entry = (entry) => `<article class="update" id="upd-${entry.id}"><header><time datetime="${new Date(entry.at).toISOString().slice(0, 19)}+00:00">${new Date(entry.at).toISOString().slice(11, 16)}</time></header>
${entry.headline ? `<h2>${entry.headline}</h2>` : ""}${entry.by ? `<p class="by">By ${entry.by}</p>` : ""}${entry.key ? '<span class="pin">key</span>' : ""}<div class="words">${entry.words}</div></article>`;
    return `<!DOCTYPE html><html lang="${this.language}"><head><meta charset="utf-8"><title>${this.title}</title><meta property="og:title" content="${this.title}"></head>
<body><h1>${this.title}</h1>${this.entries.map(entry).join("\n")}</body></html>`;
  }
}

/** Serves `pages`, by path. */
export async function serve(pages) {
  const server = http.createServer((request, response) => {
    const path = new URL(request.url, "http://outlet").pathname;
    const page = pages[path];
    if (!page) return response.writeHead(404).end();
    const count = page.entries.length;
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    response.end(page.html(), () => page.sent.push({ at: Date.now(), count }));
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

const SUBJECTS = [
  ["The ferry to Osmouth is held back", "The 14:20 to Osmouth waits in the outer harbour until the wind drops below force eight, the harbour office says. Passengers are given tea in the old customs hall."],
  ["Two roads along the shore are closed", "The council has closed Quay Street and the lower part of Lighthouse Road. Buses 4 and 11 turn round at the market."],
  ["Power is back on the west side", "About 1,800 homes had been without it since noon. The network says that the last forty follow within the hour."],
  ["School in Brackwater closes early", "Pupils are to be collected by three; those who take the bus leave at a quarter to. The hall stays open for those who can't get home."],
  ["“We have seen worse,” says the harbour master", "<blockquote>We have seen worse, and we have learned from it. Nobody goes out today, and that is that.</blockquote><p>He has been in the post for twenty-two years.</p>"],
  ["Forecast: the peak is expected at six", "The weather service moves its warning from amber to red for the coast between Osmouth and Fell Point, from five to nine in the evening."],
];
const NAMES = ["Ann Rower", "Jörg Ahre", "Maud Ellis", "Ann Rower, Theo Quay"];

/** `count` entries that end `ago` minutes before now, some minutes apart: more of them where a storm is at its height. */
export function storm(count, { ago = 3, step = 2 } = {}) {
  let at = Math.floor((Date.now() - ago * MINUTE) / MINUTE) * MINUTE;
  return Array.from({ length: count }, (_, nth) => {
    const [headline, words] = SUBJECTS[nth % SUBJECTS.length];
    const number = count - nth;
    const entry = { id: 90_000 + number, at, headline: nth % 5 === 3 ? null : `${headline} (${number})`, by: NAMES[nth % NAMES.length], words: words.startsWith("<") ? words : `<p>${words}</p>`, key: nth % 9 === 4 };
    at -= Math.max(1, Math.round(step * (1 + Math.sin(nth / 11)))) * MINUTE;
    return entry;
  });
}
