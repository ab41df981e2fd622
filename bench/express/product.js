// Products and their stock. Quantities are set aside for an order, and then sold or given back, all lines or none.

import { newId, now } from './database.js';
import { Problem, integer, lines, text } from './web.js';

const PRODUCTS_MAX = 100;
const HELD_S_MAX = 86_400;

export const schema = `
  CREATE TABLE IF NOT EXISTS products (
    id TEXT NOT NULL PRIMARY KEY,
    sku TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    price_amount INTEGER NOT NULL CHECK (price_amount >= 0),
    price_currency TEXT NOT NULL,
    stock INTEGER NOT NULL CHECK (stock >= 0),
    held INTEGER NOT NULL CHECK (held >= 0 AND held <= stock)
  );
  CREATE TABLE IF NOT EXISTS reservations (
    id TEXT NOT NULL PRIMARY KEY,
    -- An expired reservation is still held here; expires_at tells.
    state TEXT NOT NULL CHECK (state IN ('held', 'committed', 'released')),
    expires_at TEXT NOT NULL,
    created_at TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS reservation_lines (
    reservation_id TEXT NOT NULL REFERENCES reservations (id),
    product_id TEXT NOT NULL REFERENCES products (id),
    quantity INTEGER NOT NULL CHECK (quantity >= 1),
    -- 1 as long as the quantity is a part of the product's held.
    live INTEGER NOT NULL CHECK (live IN (0, 1)),
    expires_at TEXT NOT NULL,
    PRIMARY KEY (reservation_id, product_id)
  );
  CREATE INDEX IF NOT EXISTS live_lines ON reservation_lines (product_id, expires_at) WHERE live = 1;
`;

export function routes(app, database) {
  const sql = statements(database);
  const { hold, commit, release, seed } = transactions(database, sql);

  app.get('/products', (request, response) => {
    const ids = String(request.query.ids).split(',');
    integer(ids.length, 'how many ids', 1, PRODUCTS_MAX);
    const found = ids.map((id) => sql.product.get(id)).filter((row) => row !== undefined);
    response.json({ products: found.map(shown) });
  });

  app.post('/reservations', async (request, response) => {
    const id = text(request.body?.id, 'id');
    const wanted = lines(request.body.lines, 'lines');
    const seconds = integer(request.body.expires_in_seconds, 'expires_in_seconds', 1, HELD_S_MAX);
    const { isNew, reservation } = await hold(id, wanted, new Date(Date.now() + seconds * 1000).toISOString());
    response.status(isNew ? 201 : 200).json(reservation);
  });

  app.post('/reservations/:id/commit', async (request, response) => {
    response.json(await commit(request.params.id));
  });

  app.post('/reservations/:id/release', async (request, response) => {
    response.json(await release(request.params.id));
  });

  // `product-1`, `product-2`, … with so much of each; those that are there stay as they are.
  app.post('/seed', async (request, response) => {
    const count = integer(request.body?.products, 'products', 1, 1_000_000);
    const stock = integer(request.body.stock ?? 1_000_000_000, 'stock', 0, 1_000_000_000_000);
    await seed(count, stock);
    response.json({ products: count });
  });
}

function statements(database) {
  const prepare = (statement) => database.prepare(statement);
  return {
    product: prepare('SELECT * FROM products WHERE id = ?'),
    insertProduct: prepare(`INSERT INTO products VALUES (?, ?, ?, ?, 'EUR', ?, 0) ON CONFLICT DO NOTHING`),
    reservation: prepare('SELECT * FROM reservations WHERE id = ?'),
    linesOf: prepare('SELECT product_id, quantity FROM reservation_lines WHERE reservation_id = ? ORDER BY product_id'),
    insert: prepare(`INSERT INTO reservations VALUES (?, 'held', ?, ?)`),
    insertLine: prepare('INSERT INTO reservation_lines VALUES (?, ?, ?, 1, ?)'),
    hold: prepare('UPDATE products SET held = held + $quantity WHERE id = $id AND stock - held >= $quantity'),
    sell: prepare('UPDATE products SET stock = stock - $quantity, held = held - $quantity WHERE id = $id'),
    giveBack: prepare('UPDATE products SET held = held - $quantity WHERE id = $id'),
    settle: prepare('UPDATE reservations SET state = ? WHERE id = ?'),
    endLines: prepare('UPDATE reservation_lines SET live = 0 WHERE reservation_id = ?'),
    endExpired: prepare(
      'UPDATE reservation_lines SET live = 0 WHERE product_id = ? AND live = 1 AND expires_at <= ? RETURNING quantity',
    ),
  };
}

function transactions({ transaction }, sql) {
  const find = (id) => {
    const row = sql.reservation.get(id);
    if (row === undefined) return undefined;
    const state = row.state === 'held' && row.expires_at <= now() ? 'expired' : row.state;
    return { id, state, expires_at: row.expires_at, lines: sql.linesOf.all(id) };
  };

  const hold = (id, wanted, expiresAt) => {
    const known = find(id);
    if (known !== undefined) return { isNew: false, reservation: again(known, wanted) };
    sql.insert.run(id, expiresAt, now());
    for (const line of wanted) holdLine(id, line, expiresAt);
    return { isNew: true, reservation: { id, state: 'held', expires_at: expiresAt, lines: wanted } };
  };

  const holdLine = (id, { product_id, quantity }, expiresAt) => {
    const expired = sql.endExpired.all(product_id, now());
    for (const line of expired) sql.giveBack.run({ id: product_id, quantity: line.quantity });
    if (sql.hold.run({ id: product_id, quantity }).changes === 0) {
      const row = sql.product.get(product_id);
      if (row === undefined) throw new Problem(422, 'unknown-product', { product_id });
      throw new Problem(409, 'sold-out', { product_id, available: row.stock - row.held });
    }
    sql.insertLine.run(id, product_id, quantity, expiresAt);
  };

  // Called again it changes nothing and gives the same answer.
  const settle = (id, state, change) => {
    const held = find(id);
    if (held === undefined) throw new Problem(404, 'unknown-reservation');
    if (held.state === state) return held;
    if (held.state !== 'held') throw new Problem(409, `reservation-${held.state}`);
    sql.settle.run(state, id);
    for (const { product_id, quantity } of held.lines) change.run({ id: product_id, quantity });
    sql.endLines.run(id);
    return { ...held, state };
  };

  return {
    hold: transaction(hold),
    commit: transaction((id) => settle(id, 'committed', sql.sell)),
    release: transaction((id) => settle(id, 'released', sql.giveBack)),
    seed: transaction((count, stock) => {
      for (let n = 1; n <= count; n++) {
        sql.insertProduct.run(`product-${n}`, `sku-${newId()}`, `Product ${n}`, 100 + (n % 900), stock);
      }
    }),
  };
}

function again(known, wanted) {
  const written = (list) => JSON.stringify(list.map((line) => [line.product_id, line.quantity]).sort());
  if (written(known.lines) !== written(wanted)) throw new Problem(409, 'different-lines');
  if (known.state === 'expired' || known.state === 'released') throw new Problem(409, `reservation-${known.state}`);
  return known;
}

function shown(row) {
  return {
    id: row.id,
    sku: row.sku,
    name: row.name,
    price: { amount: row.price_amount, currency: row.price_currency },
    available: row.stock - row.held,
  };
}
