// A webhook receiver to copy: Node 18 or newer, no package.
//
//     WEBHOOK_SECRETS="whsec_… whsec_…" INBOX=inbox.jsonl node receiver.mjs 8090
//
// A message is kept before it is answered, and worked on afterwards. The inbox is a file that one
// process reads at its start, so that the sample needs nothing; a shop takes its database: a unique
// key on the message's id, and the question for a newer one in the same transaction.

import { createHmac, timingSafeEqual } from "node:crypto";
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { createServer } from "node:http";

const TOLERANCE_SECONDS = 300;
const BODY_MAX = 256 * 1024;

/**
 * Whether one of our secrets signed this, at most five minutes ago.
 *
 * `secrets`: one, or two while they change. `headers`: names in lower case, as Node gives them.
 * `body`: the raw Buffer, before anything parsed it.
 */
export function verify(secrets, headers, body, now = Date.now() / 1000) {
  const timestamp = headers["webhook-timestamp"] ?? "";
  if (!/^[0-9]{1,12}$/.test(timestamp)) return false;
  if (Math.abs(now - Number(timestamp)) > TOLERANCE_SECONDS) return false;
  const signed = Buffer.concat([Buffer.from(`${headers["webhook-id"] ?? ""}.${timestamp}.`), body]);
  const standard = (headers["webhook-signature"] ?? "").split(" ");
  const plain = [headers["x-signature"] ?? "", headers["x-signature-previous"] ?? ""];
  return secrets.some((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
    const expected = "v1," + createHmac("sha256", key).update(signed).digest("base64");
    const expectedPlain = createHmac("sha256", secret).update(body).digest("hex");
    return among(expected, standard) && among(expectedPlain, plain);
  });
}

/** Compares in constant time; only the length of a signature, which is no secret, is told. */
function among(expected, offered) {
  const wanted = Buffer.from(expected);
  return offered
    .map((one) => Buffer.from(one))
    .some((one) => one.length === wanted.length && timingSafeEqual(one, wanted));
}

/** A line torn by a crash was never answered: its message comes again. */
function untorn(line) {
  try {
    return [JSON.parse(line)];
  } catch {
    return [];
  }
}

export class Inbox {
  #ids = new Set();
  #newest = new Map();
  #file;

  constructor(path) {
    const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
    lines.flatMap(untorn).forEach((row) => this.#remember(row));
    this.#file = openSync(path, "a");
  }

  /**
   * Keep a verified message once: "new", "repeat", or "stale" if a newer one of its object came.
   *
   * The number in webhook-id grows with every event of an object, and it is signed.
   */
  keep(id, body) {
    if (this.#ids.has(id)) return "repeat";
    const facts = JSON.parse(body);
    const about = `${facts.status.split(":")[0]} ${facts.id}`;
    const number = Number(id.replace(/^evt_/, ""));
    const state = number > (this.#newest.get(about) ?? 0) ? "new" : "stale";
    const row = { id, about, number, state, body: body.toString() };
    writeSync(this.#file, "\n" + JSON.stringify(row));
    fsyncSync(this.#file);
    this.#remember(row);
    return state;
  }

  close() {
    closeSync(this.#file);
  }

  #remember({ id, about, number }) {
    this.#ids.add(id);
    this.#newest.set(about, Math.max(number, this.#newest.get(about) ?? 0));
  }
}

/** Verify, keep, answer: the status and a word. 2xx only for what is kept. */
async function receive(request, secrets, inbox) {
  if (request.method !== "POST") return [405, "POST only"];
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size <= BODY_MAX) parts.push(part);
  }
  if (size > BODY_MAX) return [413, "too large"];
  const body = Buffer.concat(parts);
  if (!verify(secrets, request.headers, body)) return [401, "refused"];
  return [200, inbox.keep(request.headers["webhook-id"], body)];
}

function serve(port, secrets, inbox) {
  const server = createServer((request, response) =>
    receive(request, secrets, inbox)
      .catch(() => [500, "failed"])
      .then(([status, word]) =>
        response.writeHead(status, { "Content-Type": "text/plain" }).end(`${word}\n`),
      ),
  );
  server.listen(port, "127.0.0.1");
}

if (process.argv[2]) {
  serve(Number(process.argv[2]), process.env.WEBHOOK_SECRETS.split(" "), new Inbox(process.env.INBOX));
}
