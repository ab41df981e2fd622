// A provider without money: what it does is told by the token, as with souk's simulator. It keeps its own truth in tables of its own, and does what
// it is asked under one key once.

export const schema = `
  CREATE TABLE IF NOT EXISTS provider_authorizations (
    payment_id TEXT NOT NULL PRIMARY KEY,
    token TEXT NOT NULL,
    amount INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('held', 'captured', 'voided', 'refunded'))
  );
  CREATE TABLE IF NOT EXISTS provider_operations (
    key TEXT NOT NULL PRIMARY KEY,
    -- JSON.
    verdict TEXT NOT NULL
  );
`;

const DONE = { outcome: 'done' };
const FAILED = { outcome: 'failed' };

/** What goes wrong when a payment is authorized; other tokens are no method that can pay. */
const AUTHORIZE = {
  tok_visa: DONE,
  tok_capture_fails: DONE,
  tok_declined: { outcome: 'declined', reason: 'declined' },
  tok_insufficient_funds: { outcome: 'declined', reason: 'insufficient-funds' },
  tok_error: FAILED,
};

/** The provider as a function of the operation: one transaction, and an answer that one has to wait for. */
export function provider(database) {
  const known = database.prepare('SELECT verdict FROM provider_operations WHERE key = ?').pluck();
  const insert = database.prepare('INSERT INTO provider_operations VALUES (?, ?)');
  const hold = database.prepare(`INSERT INTO provider_authorizations VALUES (?, ?, ?, 'held')`);
  const token = database.prepare('SELECT token FROM provider_authorizations WHERE payment_id = ?').pluck();
  const move = database.prepare('UPDATE provider_authorizations SET state = ? WHERE payment_id = ? AND state = ?');

  const authorize = (payment, method) => {
    const verdict = AUTHORIZE[method] ?? { outcome: 'declined', reason: 'invalid-method' };
    if (verdict === DONE) hold.run(payment.id, method, payment.amount);
    return verdict;
  };

  const capture = (payment) => {
    if (token.get(payment.id) === 'tok_capture_fails') return FAILED;
    return moved(payment, 'held', 'captured');
  };

  const moved = (payment, from, to) => (move.run(to, payment.id, from).changes === 1 ? DONE : FAILED);

  const work = {
    authorize,
    capture,
    void: (payment) => moved(payment, 'held', 'voided'),
    refund: (payment) => moved(payment, 'captured', 'refunded'),
  };

  const once = database.transaction((key, kind, payment, method) => {
    const before = known.get(key);
    if (before !== undefined) return JSON.parse(before);
    const verdict = work[kind](payment, method);
    insert.run(key, JSON.stringify(verdict));
    return verdict;
  });

  return once;
}
