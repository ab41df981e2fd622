// Customers of accounts, and where their orders go.

import { newId } from './database.js';
import { Problem, integer, text } from './web.js';

export const schema = `
  CREATE TABLE IF NOT EXISTS customers (
    id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL UNIQUE,
    delivery_address_id TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS addresses (
    customer_id TEXT NOT NULL REFERENCES customers (id),
    id TEXT NOT NULL,
    recipient TEXT NOT NULL,
    lines TEXT NOT NULL,
    postal_code TEXT NOT NULL,
    city TEXT NOT NULL,
    country TEXT NOT NULL,
    PRIMARY KEY (customer_id, id)
  );
`;

export function routes(app, database) {
  const address = database.prepare(`
    SELECT a.* FROM customers c JOIN addresses a ON a.customer_id = c.id AND a.id = coalesce($id, c.delivery_address_id)
    WHERE c.account = $account`);
  const isKnown = database.prepare('SELECT 1 FROM customers WHERE account = ?');
  const insertCustomer = database.prepare('INSERT INTO customers VALUES (?, ?, ?)');
  const insertAddress = database.prepare('INSERT INTO addresses VALUES (?, ?, ?, ?, ?, ?, ?)');

  // The account's address with this id, or its default for deliveries.
  app.get('/address', (request, response) => {
    const account = text(request.query.account, 'account');
    const id = request.query.id === undefined ? null : text(request.query.id, 'id');
    const row = address.get({ account, id });
    if (row === undefined) throw new Problem(404, isKnown.get(account) ? 'unknown-address' : 'unknown-customer');
    response.json({ ...row, lines: row.lines.split('\n') });
  });

  const seed = database.transaction((count) => {
    for (let n = 1; n <= count; n++) {
      if (isKnown.get(`account-${n}`)) continue;
      const [customer, id] = [newId(), newId()];
      insertCustomer.run(customer, `account-${n}`, id);
      insertAddress.run(customer, id, `Customer ${n}`, `Long Street ${n}\n2nd floor`, '10115', 'Berlin', 'DE');
    }
  });

  // `account-1`, `account-2`, … with an address each; those that are there stay as they are.
  app.post('/seed', async (request, response) => {
    const count = integer(request.body?.accounts, 'accounts', 1, 1_000_000);
    await seed(count);
    response.json({ accounts: count });
  });
}
