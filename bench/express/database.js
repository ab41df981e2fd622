// A service's database: one SQLite file, one connection, on disk when it says so.
//
// The driver is synchronous, as SQLite is: a commit runs to its end, sync to the disk included, before the process does anything else.

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';

import Database from 'better-sqlite3';

/** Opens `FOLDER/NAME.db` and makes its tables. With `commitEach`, transactions do not share commits. */
export function open(folder, name, schema, commitEach) {
  const database = new Database(join(folder, `${name}.db`));
  database.pragma('journal_mode = WAL');
  // The driver is built with NORMAL for WAL, which loses what was answered when the power goes.
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');
  database.exec(schema);
  return {
    prepare: (statement) => database.prepare(statement),
    transaction: commitEach ? alone(database) : grouped(database),
    close: () => database.close(),
  };
}

/** Makes a transaction of a function: what it returns is told once it is on disk, and if it throws it did nothing. */
function alone(database) {
  return (work) => {
    const transaction = database.transaction(work);
    return async (...inputs) => transaction.immediate(...inputs);
  };
}

/**
 * The same, but transactions that are ready together, since their requests came while the disk was busy, share one commit and so one sync. Each is
 * a savepoint in it.
 */
function grouped(database) {
  let waiting = [];
  const commit = database.transaction((group) => {
    for (const one of group) {
      try {
        one.result = one.work();
      } catch (error) {
        // A full disk ends the whole commit, and not the savepoint alone.
        if (!database.inTransaction) throw error;
        one.error = error;
      }
    }
  });
  const flush = () => {
    const group = waiting;
    waiting = [];
    try {
      commit.immediate(group);
    } catch (error) {
      for (const { reject } of group) reject(error);
      return;
    }
    for (const { result, error, resolve, reject } of group) error === undefined ? resolve(result) : reject(error);
  };
  return (work) => {
    const savepoint = database.transaction(work);
    return (...inputs) =>
      new Promise((resolve, reject) => {
        if (waiting.push({ work: () => savepoint(...inputs), resolve, reject }) === 1) setImmediate(flush);
      });
  };
}

/** A UUID that begins with its time (version 7), so that new rows stand beside each other in an index. */
export function newId() {
  const time = Date.now().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

/** Now, in UTC with milliseconds: text of one width, which sorts as time does. */
export function now() {
  return new Date().toISOString();
}
