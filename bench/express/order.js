// Orders: one checkout is steps at other services, each written down before it is taken and once it was, and undone if a later one is refused.
//
// All steps may be repeated: who repeats the request with its key goes on from where it stopped, after a crash too. Nobody goes on without that.

import { createHash } from 'node:crypto';

import { newId, now } from './database.js';
import { Problem, caller, text } from './web.js';

const HELD_S = 900;

export const schema = `
  CREATE TABLE IF NOT EXISTS orders (
    id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('new', 'placed', 'confirmed', 'cancelled')),
    -- JSON: how the cart and the address were. None until they were read.
    items TEXT,
    address TEXT,
    amount INTEGER,
    currency TEXT,
    payment_id TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
  );
  CREATE INDEX IF NOT EXISTS orders_of_account ON orders (account, id);
  CREATE TABLE IF NOT EXISTS keys (
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    order_id TEXT NOT NULL UNIQUE REFERENCES orders (id),
    -- The answer, once there is one, for repetitions.
    status INTEGER,
    body TEXT,
    PRIMARY KEY (account, key)
  );
  CREATE TABLE IF NOT EXISTS journal (
    order_id TEXT NOT NULL REFERENCES orders (id),
    step TEXT NOT NULL,
    begun_at TEXT NOT NULL,
    done_at TEXT,
    PRIMARY KEY (order_id, step)
  );
`;

export function routes(app, database, services) {
  const sql = statements(database);
  const books = transactions(database, sql);
  const underWay = new Set();

  app.post('/api/v1/orders', async (request, response) => {
    const account = caller(request);
    const key = text(request.get('idempotency-key'), 'idempotency-key');
    const token = text(request.body?.payment_token, 'payment_token');
    const addressId = request.body.address_id === undefined ? null : text(request.body.address_id, 'address_id');
    const fingerprint = createHash('sha256')
      .update(JSON.stringify([token, addressId]))
      .digest('hex');

    const known = await books.begin(account, key, fingerprint);
    const { status, body } = known.body === null ? await goOn(known, token, addressId) : known;
    response
      .status(status)
      .type(status < 300 ? 'application/json' : 'application/problem+json')
      .send(body);
  });

  const goOn = async ({ order_id }, token, addressId) => {
    if (underWay.has(order_id)) throw new Problem(409, 'order-in-progress');
    underWay.add(order_id);
    try {
      return await checkOut(books, sql, services, sql.order.get(order_id), token, addressId);
    } finally {
      underWay.delete(order_id);
    }
  };
}

/** Carries an order through, from where its journal ends, and answers with what is answered for ever. */
async function checkOut(books, sql, services, order, token, addressId) {
  try {
    if (order.items === null) {
      const read = await readCartAndAddress(services, order.account, addressId);
      order = await books.placed(order.id, read);
    }
    for (const step of STEPS) {
      if (sql.isDone.get(order.id, step.name)) continue;
      const learned = await step.take(services, order, token);
      order = await books.done(order, step.name, learned);
    }
    return sql.answer.get(order.id);
  } catch (error) {
    // What nobody knows the end of is not undone: a repetition goes on with it.
    if (!(error instanceof Problem) || error.status === 503) throw error;
    await undo(services, order, sql.isDone.get(order.id, 'capture'));
    return await books.cancelled(order.id, error);
  }
}

async function readCartAndAddress({ cart, customer }, account, addressId) {
  const query = new URLSearchParams({ account, ...(addressId !== null && { id: addressId }) });
  const [found, address] = await Promise.all([
    cart.get(`/carts?${new URLSearchParams({ account })}`),
    customer.get(`/address?${query}`),
  ]);
  if (address.status !== 200) throw new Problem(422, 'unknown-address');
  if (found.status !== 200 || found.body.items.length === 0) throw new Problem(409, 'empty-cart');
  const { differences, items, total } = found.body;
  if (differences.length > 0) throw new Problem(409, 'cart-changed', { differences });
  return { items, total, address: address.body };
}

/** In this order. Each throws what the customer is answered if it is refused, or returns what the order has to remember. */
const STEPS = [
  {
    name: 'reserve',
    async take({ product }, order) {
      const body = { id: order.id, lines: linesOf(order), expires_in_seconds: HELD_S };
      const answer = await product.post('/reservations', body);
      if (answer.status >= 300) throw new Problem(409, 'sold-out', { product_id: answer.body.product_id });
    },
  },
  {
    name: 'authorize',
    async take({ payment }, order, token) {
      const { id, account, amount, currency } = order;
      const wanted = { key: id, order_id: id, customer: account, amount, currency, token };
      const ended = settled(await payment.post('/authorizations', wanted));
      if (ended.outcome === 'declined') throw new Problem(402, 'payment-declined', { reason: ended.reason });
      if (ended.outcome !== 'done') throw new Problem(502, 'payment-failed');
      return { status: 'confirmed', payment_id: ended.payment.id };
    },
  },
  {
    name: 'capture',
    async take({ payment }, order) {
      const ended = settled(await payment.post('/captures', { key: order.id, payment_id: order.payment_id }));
      if (ended.outcome !== 'done') throw new Problem(502, 'payment-failed');
    },
  },
  {
    name: 'commit',
    async take({ product }, order) {
      const answer = await product.post(`/reservations/${order.id}/commit`);
      if (answer.status >= 300) throw new Problem(409, 'reservation-expired');
    },
  },
  {
    name: 'take-out',
    async take({ cart }, order) {
      const body = { account: order.account, order_id: order.id, items: linesOf(order) };
      const answer = await cart.post('/carts/take-out', body);
      if (answer.status !== 200) throw new Error(`the cart answered ${answer.status}`);
    },
  },
];

/** How an operation of a payment ended. One that a lost call has left under way may still end in any way. */
function settled({ status, body }) {
  if (status !== 200) throw new Problem(503, 'unavailable', { detail: 'the payment has no outcome yet' });
  return body;
}

/** Gives back what was taken, the money first. Goods that are not held any more are as good as given back. */
async function undo({ payment, product }, order, isCaptured) {
  if (order.payment_id !== null) {
    settled(await payment.post(isCaptured ? '/refunds' : '/voids', { key: order.id, payment_id: order.payment_id }));
  }
  if (order.items !== null) await product.post(`/reservations/${order.id}/release`);
}

function statements(database) {
  const prepare = (statement) => database.prepare(statement);
  return {
    key: prepare('SELECT * FROM keys WHERE account = ? AND key = ?'),
    order: prepare('SELECT * FROM orders WHERE id = ?'),
    insertKey: prepare('INSERT INTO keys VALUES (?, ?, ?, ?, NULL, NULL)'),
    insertOrder: prepare(`INSERT INTO orders VALUES (?, ?, 'new', NULL, NULL, NULL, NULL, NULL, ?, ?)`),
    place: prepare(`
      UPDATE orders SET status = 'placed', items = $items, address = $address, amount = $amount, currency = $currency,
        updated_at = $now
      WHERE id = $id RETURNING *`),
    update: prepare(`
      UPDATE orders SET status = coalesce($status, status), payment_id = coalesce($payment_id, payment_id),
        updated_at = $now
      WHERE id = $id RETURNING *`),
    stepBegun: prepare('INSERT INTO journal VALUES (?, ?, ?, NULL)'),
    stepDone: prepare('UPDATE journal SET done_at = ? WHERE order_id = ? AND step = ?'),
    isDone: prepare('SELECT 1 FROM journal WHERE order_id = ? AND step = ? AND done_at IS NOT NULL'),
    answered: prepare('UPDATE keys SET status = ?, body = ? WHERE order_id = ?'),
    answer: prepare('SELECT status, body FROM keys WHERE order_id = ?'),
  };
}

function transactions({ transaction }, sql) {
  const begin = (account, key, fingerprint) => {
    const known = sql.key.get(account, key);
    if (known === undefined) {
      const id = newId();
      sql.insertOrder.run(id, account, now(), now());
      sql.insertKey.run(account, key, fingerprint, id);
    } else if (known.fingerprint !== fingerprint) {
      throw new Problem(422, 'idempotency-key-reused');
    }
    return known ?? sql.key.get(account, key);
  };

  const placed = (id, { items, total, address }) => {
    sql.stepBegun.run(id, STEPS[0].name, now());
    const [itemsText, addressText] = [JSON.stringify(items), JSON.stringify(address)];
    return sql.place.get({ id, items: itemsText, address: addressText, ...total, now: now() });
  };

  // The end of a step, what the order learned, and the next step's beginning or the answer: one transaction.
  const done = ({ id }, name, { status = null, payment_id = null } = {}) => {
    sql.stepDone.run(now(), id, name);
    const order = sql.update.get({ id, status, payment_id, now: now() });
    const next = STEPS[STEPS.findIndex((step) => step.name === name) + 1];
    if (next !== undefined) sql.stepBegun.run(id, next.name, now());
    else sql.answered.run(201, JSON.stringify(shown(order)), id);
    return order;
  };

  const cancelled = (id, { status, body }) => {
    sql.update.get({ id, status: 'cancelled', payment_id: null, now: now() });
    sql.answered.run(status, JSON.stringify(body), id);
    return sql.answer.get(id);
  };

  return {
    begin: transaction(begin),
    placed: transaction(placed),
    done: transaction(done),
    cancelled: transaction(cancelled),
  };
}

function linesOf(order) {
  return JSON.parse(order.items).map(({ product_id, quantity }) => ({ product_id, quantity }));
}

function shown(order) {
  const { id, status, payment_id, created_at, amount, currency } = order;
  const [items, address] = [JSON.parse(order.items), JSON.parse(order.address)];
  return { id, status, items, total: { amount, currency }, address, payment_id, created_at };
}
