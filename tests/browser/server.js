// A tidings of the test's own: its settings, its store and its port.
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../..");

/** The program under test: `TIDINGS_BIN`, or the newer of what cargo has built. */
function program() {
  if (process.env.TIDINGS_BIN) return path.resolve(process.env.TIDINGS_BIN);
  const built = ["release", "debug"].map((profile) => path.join(root, "target", profile, "tidings")).filter(fs.existsSync);
  built.sort((one, other) => fs.statSync(other).mtimeMs - fs.statSync(one).mtimeMs);
  if (!built.length) throw new Error("build tidings first: cargo build");
  return built[0];
}

export async function start(config) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tidings-browser-"));
  fs.writeFileSync(path.join(folder, "config.toml"), config.replaceAll("SEEDS", path.join(root, "seeds")));
  const child = spawn(program(), ["serve", "--config", "config.toml"], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let told = "";
  const url = await new Promise((found, failed) => {
    const look = (chunk) => {
      told += chunk;
      const address = told.match(/http:\/\/127\.0\.0\.1:\d+\//);
      if (address) found(address[0]);
    };
    child.stdout.on("data", look);
    child.stderr.on("data", look);
    child.on("exit", () => failed(new Error(`tidings did not start:\n${told}`)));
    setTimeout(() => failed(new Error(`tidings did not say where it listens:\n${told}`)), 60_000).unref();
  });
  return {
    url,
    log: () => told,
    async stop() {
      const gone = new Promise((done) => child.on("exit", done));
      child.kill("SIGTERM");
      await gone;
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until `look` gives something, and gives it. */
export async function until(what, look, patience = 60_000) {
  const end = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${patience / 1000} s in vain: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}
