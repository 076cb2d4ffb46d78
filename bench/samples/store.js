// What the JavaScript samples have in common: whether a message is ProcureIQ's, and a durable store of
// messages and of the work that each makes, in SQLite.
//
//   node express.js DATABASE SECRET

"use strict";

const crypto = require("node:crypto");
const Database = require("better-sqlite3");

function isSigned(secret, body, header) {
  const expected = Buffer.from(
    "sha256=" + crypto.createHmac("sha256", secret).update(body).digest("hex"),
  );
  const given = Buffer.from(header ?? "");
  return given.length === expected.length && crypto.timingSafeEqual(given, expected);
}

// The id decides whether a message is new; the work is to be done by a worker, which looks for it.
// Both are on disk when the function that this returns does.
function open(file) {
  const database = new Database(file);
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = FULL");
  database.exec(`
    CREATE TABLE messages (id TEXT PRIMARY KEY, type TEXT NOT NULL, body BLOB NOT NULL,
      received_at INTEGER NOT NULL);
    CREATE TABLE jobs (id INTEGER PRIMARY KEY, message_id TEXT NOT NULL, state TEXT NOT NULL,
      due_at INTEGER NOT NULL);
    CREATE INDEX jobs_due ON jobs (due_at) WHERE state = 'pending';
  `);
  const insertMessage = database.prepare(
    "INSERT INTO messages VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
  );
  const insertJob = database.prepare("INSERT INTO jobs VALUES (NULL, ?, 'pending', ?)");
  return database.transaction((body) => {
    const { id, type } = JSON.parse(body);
    const now = Date.now();
    if (insertMessage.run(id, type, body, now).changes === 1) insertJob.run(id, now);
  });
}

module.exports = { isSigned, open };
