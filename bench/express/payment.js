// Payments and their ledger. Each operation is three transactions, as with a provider far away: what is wanted, what the provider did, how it ended.
// Its key makes it happen once, wherever a repetition comes in between.

import { createHash } from 'node:crypto';

import { newId, now } from './database.js';
import { provider, schema as providerSchema } from './provider.js';
import { Problem, integer, text } from './web.js';

const AMOUNT_MAX = 1_000_000_000_000;

export const schema = `
  CREATE TABLE IF NOT EXISTS payments (
    id TEXT NOT NULL PRIMARY KEY,
    order_id TEXT NOT NULL,
    customer TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 1),
    currency TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN
      ('authorizing', 'authorized', 'captured', 'voided', 'declined', 'refunded', 'failed')),
    -- The one operation that has no outcome yet. While there is one, no other begins.
    pending TEXT,
    version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
  );
  CREATE INDEX IF NOT EXISTS payments_of_order ON payments (order_id, id);
  CREATE TABLE IF NOT EXISTS operations (
    -- KIND:KEY. The provider knows it by the same name.
    id TEXT NOT NULL PRIMARY KEY,
    payment_id TEXT NOT NULL REFERENCES payments (id),
    -- SHA-256 of the arguments: enough to tell a repetition from another request.
    fingerprint TEXT NOT NULL,
    -- JSON, once it has an outcome.
    answer TEXT,
    created_at TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS ledger_entries (
    transaction_id TEXT NOT NULL REFERENCES operations (id),
    line INTEGER NOT NULL,
    payment_id TEXT NOT NULL REFERENCES payments (id),
    account TEXT NOT NULL CHECK (account IN ('customer-receivable', 'provider-clearing', 'revenue', 'refunds')),
    currency TEXT NOT NULL,
    -- A debit is positive, a credit negative.
    amount INTEGER NOT NULL CHECK (amount <> 0),
    booked_at TEXT NOT NULL,
    PRIMARY KEY (transaction_id, line)
  );
  ${providerSchema}
`;

/** What an operation needs, what becomes of the payment, and the pairs of accounts (debit, credit) that it moves the amount between. */
const KINDS = {
  authorize: { from: 'authorizing', to: 'authorized', moves: [] },
  capture: {
    from: 'authorized',
    to: 'captured',
    moves: [
      ['customer-receivable', 'revenue'],
      ['provider-clearing', 'customer-receivable'],
    ],
  },
  void: { from: 'authorized', to: 'voided', moves: [] },
  refund: {
    from: 'captured',
    to: 'refunded',
    moves: [
      ['refunds', 'customer-receivable'],
      ['customer-receivable', 'provider-clearing'],
    ],
  },
};

export function routes(app, database) {
  const sql = statements(database);
  const { begin, end } = transactions(database, sql);
  const perform = provider(database);
  const underWay = new Set();

  const operate = async (kind, key, wanted) => {
    const id = `${kind}:${key}`;
    if (underWay.has(id)) throw new Problem(409, 'payment-in-progress');
    underWay.add(id);
    try {
      const { answer, payment } = await begin(kind, id, wanted);
      if (answer !== undefined) return answer;
      const verdict = await perform(id, kind, payment, wanted.token);
      return await end(kind, id, payment.id, verdict);
    } finally {
      underWay.delete(id);
    }
  };

  app.post('/authorizations', async (request, response) => {
    const body = request.body ?? {};
    const wanted = {
      orderId: text(body.order_id, 'order_id'),
      customer: text(body.customer, 'customer'),
      amount: integer(body.amount, 'amount', 1, AMOUNT_MAX),
      currency: text(body.currency, 'currency'),
      token: text(body.token, 'token'),
    };
    response.json(await operate('authorize', text(body.key, 'key'), wanted));
  });

  const change = (path, kind) =>
    app.post(path, async (request, response) => {
      const body = request.body ?? {};
      const wanted = { paymentId: text(body.payment_id, 'payment_id') };
      response.json(await operate(kind, text(body.key, 'key'), wanted));
    });
  change('/captures', 'capture');
  change('/voids', 'void');
  change('/refunds', 'refund');
}

function statements(database) {
  const prepare = (statement) => database.prepare(statement);
  return {
    operation: prepare('SELECT * FROM operations WHERE id = ?'),
    payment: prepare('SELECT * FROM payments WHERE id = ?'),
    insertPayment: prepare(`
      INSERT INTO payments VALUES ($id, $orderId, $customer, $amount, $currency, 'authorizing', NULL, 1, $now, $now)`),
    insertOperation: prepare('INSERT INTO operations VALUES (?, ?, ?, NULL, ?)'),
    mark: prepare('UPDATE payments SET pending = ? WHERE id = ?'),
    finish: prepare('UPDATE operations SET answer = ? WHERE id = ?'),
    advance: prepare(
      'UPDATE payments SET status = ?, pending = NULL, version = version + 1, updated_at = ? WHERE id = ? RETURNING *',
    ),
    book: prepare('INSERT INTO ledger_entries VALUES (?, ?, ?, ?, ?, ?, ?)'),
    sum: prepare('SELECT sum(amount) FROM ledger_entries WHERE transaction_id = ?').pluck(),
  };
}

function transactions({ transaction }, sql) {
  /** The answer of before, or the payment that the provider is to be asked about. */
  const begin = (kind, id, wanted) => {
    const fingerprint = createHash('sha256').update(JSON.stringify(wanted)).digest('hex');
    const known = sql.operation.get(id);
    if (known === undefined) return start(kind, id, wanted, fingerprint);
    if (known.fingerprint !== fingerprint) throw new Problem(422, 'idempotency-key-reused');
    if (known.answer !== null) return { answer: JSON.parse(known.answer) };
    return { payment: sql.payment.get(known.payment_id) };
  };

  const start = (kind, id, wanted, fingerprint) => {
    const paymentId = wanted.paymentId ?? newId();
    if (kind === 'authorize') {
      const { orderId, customer, amount, currency } = wanted;
      sql.insertPayment.run({ id: paymentId, orderId, customer, amount, currency, now: now() });
    }
    const payment = sql.payment.get(paymentId);
    if (payment === undefined) throw new Problem(404, 'unknown-payment');
    if (payment.pending !== null) throw new Problem(409, 'payment-in-progress');
    sql.insertOperation.run(id, paymentId, fingerprint, now());
    if (payment.status !== KINDS[kind].from) return { answer: finish(id, { outcome: 'refused' }, payment) };
    sql.mark.run(id, paymentId);
    return { payment };
  };

  /** Outcome, state and ledger together. */
  const end = (kind, id, paymentId, verdict) => {
    const { from, to, moves } = KINDS[kind];
    const isDone = verdict.outcome === 'done';
    const status = isDone ? to : kind === 'authorize' ? verdict.outcome : from;
    const payment = sql.advance.get(status, now(), paymentId);
    if (isDone) book(id, payment, moves);
    return finish(id, verdict, payment);
  };

  const book = (id, payment, moves) => {
    const entries = moves.flatMap(([debit, credit]) => [
      [debit, payment.amount],
      [credit, -payment.amount],
    ]);
    entries.forEach(([account, amount], index) => {
      sql.book.run(id, index + 1, payment.id, account, payment.currency, amount, now());
    });
    if (entries.length > 0 && sql.sum.get(id) !== 0) throw new Error(`the entries of ${id} do not sum to zero`);
  };

  const finish = (id, verdict, payment) => {
    const answer = { ...verdict, payment: shown(payment) };
    sql.finish.run(JSON.stringify(answer), id);
    return answer;
  };

  return { begin: transaction(begin), end: transaction(end) };
}

function shown(payment) {
  const { id, order_id, customer, amount, currency, status, version, created_at, updated_at } = payment;
  return { id, order_id, customer, amount: { amount, currency }, status, version, created_at, updated_at };
}
