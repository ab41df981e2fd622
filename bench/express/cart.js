// What an account is about to buy, at the prices that its owner has seen, checked against `product` whenever it is read for an order.

import { newId, now } from './database.js';
import { Problem, caller, integer, lines, text } from './web.js';

const PRODUCTS_MAX = 40;
const QUANTITY_MAX = 999;

export const schema = `
  CREATE TABLE IF NOT EXISTS carts (
    id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL UNIQUE,
    -- Grows with each change of the items.
    version INTEGER NOT NULL,
    updated_at TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS items (
    cart_id TEXT NOT NULL REFERENCES carts (id),
    product_id TEXT NOT NULL,
    sku TEXT NOT NULL,
    name TEXT NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity >= 1),
    price_amount INTEGER NOT NULL,
    price_currency TEXT NOT NULL,
    added_at TEXT NOT NULL,
    PRIMARY KEY (cart_id, product_id)
  );
  CREATE TABLE IF NOT EXISTS taken_out (
    order_id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    taken_at TEXT NOT NULL
  );
`;

export function routes(app, database, { product }) {
  const sql = statements(database);
  const { add, empty, takeOut } = transactions(database, sql);

  app.post('/api/v1/cart/items', async (request, response) => {
    const account = caller(request);
    const productId = text(request.body?.product_id, 'product_id');
    const quantity = integer(request.body.quantity, 'quantity', 1, QUANTITY_MAX);
    const [found] = await products(product, [productId]);
    if (found === undefined) throw new Problem(422, 'unknown-product');
    response.json(await add(account, found, quantity));
  });

  app.delete('/api/v1/cart', async (request, response) => {
    await empty(caller(request));
    response.sendStatus(204);
  });

  // From here on for the service `order`.

  app.get('/carts', async (request, response) => {
    const cart = sql.cart.get(text(request.query.account, 'account'));
    if (cart === undefined) throw new Problem(404, 'no-cart');
    const items = sql.items.all(cart.id);
    const found = await products(
      product,
      items.map((item) => item.product_id),
    );
    response.json({ ...shown(cart, items), differences: differences(items, found) });
  });

  app.post('/carts/take-out', async (request, response) => {
    const account = text(request.body?.account, 'account');
    await takeOut(account, text(request.body.order_id, 'order_id'), lines(request.body.items, 'items'));
    response.json({});
  });
}

function statements(database) {
  const prepare = (statement) => database.prepare(statement);
  return {
    cart: prepare('SELECT * FROM carts WHERE account = ?'),
    insertCart: prepare('INSERT INTO carts VALUES (?, ?, 0, ?)'),
    changed: prepare('UPDATE carts SET version = version + 1, updated_at = ? WHERE id = ? RETURNING *'),
    items: prepare('SELECT * FROM items WHERE cart_id = ? ORDER BY added_at, product_id'),
    put: prepare(`
      INSERT INTO items VALUES ($cart, $id, $sku, $name, $quantity, $amount, $currency, $now)
      ON CONFLICT (cart_id, product_id) DO UPDATE
      SET sku = $sku, name = $name, quantity = $quantity, price_amount = $amount, price_currency = $currency`),
    empty: prepare('DELETE FROM items WHERE cart_id = ?'),
    remove: prepare('DELETE FROM items WHERE cart_id = $cart AND product_id = $product_id AND quantity <= $quantity'),
    lower: prepare(
      'UPDATE items SET quantity = quantity - $quantity WHERE cart_id = $cart AND product_id = $product_id',
    ),
    insertTakenOut: prepare('INSERT INTO taken_out VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
  };
}

function transactions({ transaction }, sql) {
  const add = (account, product, more) => {
    if (sql.cart.get(account) === undefined) sql.insertCart.run(newId(), account, now());
    const { id: cart } = sql.cart.get(account);
    const items = sql.items.all(cart);
    const present = items.find((item) => item.product_id === product.id);
    const quantity = (present?.quantity ?? 0) + more;
    const { id, sku, name, available, price } = product;
    if (quantity > QUANTITY_MAX) throw new Problem(422, 'too-many', { quantity_max: QUANTITY_MAX });
    if (quantity > available) throw new Problem(409, 'sold-out', { product_id: id, available });
    if (present === undefined && items.length === PRODUCTS_MAX) throw new Problem(409, 'cart-full');
    if (items.some((item) => item.price_currency !== price.currency)) throw new Problem(409, 'other-currency');
    sql.put.run({ cart, id, sku, name, quantity, amount: price.amount, currency: price.currency, now: now() });
    return shown(sql.changed.get(now(), cart), sql.items.all(cart));
  };

  const empty = (account) => {
    const cart = sql.cart.get(account);
    if (cart === undefined || sql.empty.run(cart.id).changes === 0) return;
    sql.changed.get(now(), cart.id);
  };

  // Once for each order; what was added meanwhile stays.
  const takeOut = (account, orderId, bought) => {
    if (sql.insertTakenOut.run(orderId, account, now()).changes === 0) return;
    const cart = sql.cart.get(account);
    if (cart === undefined) return;
    for (const { product_id, quantity } of bought) {
      const line = { cart: cart.id, product_id, quantity };
      if (sql.remove.run(line).changes === 0) sql.lower.run(line);
    }
    sql.changed.get(now(), cart.id);
  };

  return {
    add: transaction(add),
    empty: transaction(empty),
    takeOut: transaction(takeOut),
  };
}

async function products(product, ids) {
  if (ids.length === 0) return [];
  const { body } = await product.get(`/products?ids=${ids.map(encodeURIComponent).join(',')}`);
  return body.products;
}

/** What is not as the customer has seen it. */
function differences(items, found) {
  return items.flatMap((item) => {
    const { product_id } = item;
    const product = found.find(({ id }) => id === product_id);
    if (product === undefined) return [{ product_id, kind: 'gone' }];
    const { available, price } = product;
    const isSame = price.amount === item.price_amount && price.currency === item.price_currency;
    return [
      ...(isSame ? [] : [{ product_id, kind: 'price', price }]),
      ...(available >= item.quantity ? [] : [{ product_id, kind: 'shortage', available }]),
    ];
  });
}

function shown(cart, items) {
  return {
    id: cart.id,
    version: cart.version,
    items: items.map((item) => ({
      product_id: item.product_id,
      sku: item.sku,
      name: item.name,
      quantity: item.quantity,
      unit_price: { amount: item.price_amount, currency: item.price_currency },
      total: { amount: item.price_amount * item.quantity, currency: item.price_currency },
    })),
    total: total(items),
  };
}

function total(items) {
  if (items.length === 0) return null;
  const amount = items.reduce((sum, item) => sum + item.price_amount * item.quantity, 0);
  return { amount, currency: items[0].price_currency };
}
