// `npm run smoke`: the five services on free ports, checkouts of many customers at once, and what must be right in their databases afterwards.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';

import Database from 'better-sqlite3';
import { Pool } from 'undici';

const CUSTOMERS = 16;
const CHECKOUTS = Number(process.env.CHECKOUTS ?? 200);
const PRODUCTS = 16;
const STOCK = 1_000_000;

/** What the kernel counts in (`USER_HZ`), the same on all of Linux. */
const MS_PER_TICK = 10;

/** Sold out before everybody has one: each fifth checkout wants it. */
const SCARCE = `product-${PRODUCTS + 1}`;
const SCARCE_STOCK = 10;

// Beside this file and not in /tmp, which may be in memory.
const folder = mkdtempSync(join(import.meta.dirname, 'smoke-'));
const services = {};
try {
  for (const name of ['product', 'customer', 'payment', 'cart', 'order']) services[name] = await start(name);
  await run();
} finally {
  for (const { child } of Object.values(services)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
}

async function run() {
  await post('product', '/seed', { products: PRODUCTS, stock: STOCK });
  await post('product', '/seed', { products: PRODUCTS + 1, stock: SCARCE_STOCK });
  await post('customer', '/seed', { accounts: CUSTOMERS });

  const [begun, cpu] = [process.hrtime.bigint(), cpuMs()];
  const answers = (await Promise.all(Array.from({ length: CUSTOMERS }, (_, n) => customer(n)))).flat();
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
  const confirmed = answers.filter(({ status }) => status === 201);
  assert(
    answers.every(({ status }) => status === 201 || status === 409),
    'each is bought or sold out',
  );
  const spent = ((cpuMs() - cpu) / confirmed.length).toFixed(1);
  console.log(`${CHECKOUTS} checkouts of ${CUSTOMERS} customers, ${confirmed.length} confirmed, the others sold out`);
  console.log(`${(confirmed.length / seconds).toFixed(0)} confirmed checkouts/s, ${spent} ms of CPU each`);
  tellMemory();

  await sameKeySameBytes(answers);
  await undoneIfRefused();
  await wentOnAfterAKill();
  for (const { child } of Object.values(services)) {
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    assert.equal(code, 0, 'a service ends on SIGTERM');
  }
  checkBooks(confirmed.length + CUSTOMERS);
  console.log('stock, ledger, payments and repetitions are right');
}

/** One customer's checkouts, one after another. */
async function customer(n) {
  const [account, answers] = [`account-${n + 1}`, []];
  for (let turn = n; turn < CHECKOUTS; turn += CUSTOMERS) {
    const product = turn % 5 === 0 ? SCARCE : `product-${1 + (turn % PRODUCTS)}`;
    const added = await post('cart', '/api/v1/cart/items', { product_id: product, quantity: 1 }, account);
    const answer = added.status === 200 ? await buy(account, randomUUID()) : added;
    answers.push(answer);
    // So that what is sold out does not stay in the way of the next.
    if (answer.status !== 201) await send('cart', { method: 'DELETE', path: '/api/v1/cart' }, account);
  }
  return answers;
}

async function buy(account, key, token = 'tok_visa') {
  const answer = await post('order', '/api/v1/orders', { payment_token: token }, account, { 'idempotency-key': key });
  return { ...answer, account, key };
}

async function sameKeySameBytes(answers) {
  for (const { account, key, status, text } of answers.filter(({ key }) => key !== undefined)) {
    const again = await buy(account, key);
    assert.deepEqual([again.status, again.text], [status, text], 'a repetition is answered in the same bytes');
  }
  const { account, key } = answers.find(({ status }) => status === 201);
  assert.equal((await buy(account, key, 'tok_other')).status, 422, 'a key is for one request');
  await post('cart', '/api/v1/cart/items', { product_id: 'product-1', quantity: 1 }, 'account-1');
  const [first, second] = await Promise.all(['twice', 'twice'].map((key) => buy('account-1', key, 'tok_declined')));
  assert.deepEqual([first.status, second.status].sort(), [402, 409], 'of two at once with one key, one is carried out');
}

/** With what is still in the cart of `account-1`. */
async function undoneIfRefused() {
  assert.equal((await buy('account-1', randomUUID(), 'tok_declined')).status, 402);
  assert.equal((await buy('account-1', randomUUID(), 'tok_capture_fails')).status, 502);
  await send('cart', { method: 'DELETE', path: '/api/v1/cart' }, 'account-1');
}

/** Everybody buys while `order` is killed, and repeats the request with its key. */
async function wentOnAfterAKill() {
  const accounts = Array.from({ length: CUSTOMERS }, (_, n) => `account-${n + 1}`);
  for (const account of accounts) {
    await post('cart', '/api/v1/cart/items', { product_id: 'product-1', quantity: 1 }, account);
  }
  const journal = new Database(join(folder, 'order.db'), { readonly: true });
  const steps = journal.prepare('SELECT count(*) FROM journal WHERE done_at IS NOT NULL').pluck();
  const before = steps.get();
  const lost = accounts.map((account) => buy(account, 'killed').catch(() => ({ status: 0 })));
  // Two of the five steps, more or less.
  while (steps.get() < before + 2 * CUSTOMERS) await wait(1);
  services.order.child.kill('SIGKILL');
  const answered = (await Promise.all(lost)).filter(({ status }) => status === 201).length;
  const stepsDone = steps.get();
  journal.close();
  services.order = await start('order');
  for (const account of accounts) assert.equal((await buy(account, 'killed')).status, 201, 'a repetition goes on');
  const [done, all] = [stepsDone - before, 5 * CUSTOMERS];
  console.log(
    `order was killed after ${done} of ${all} steps, ${answered} of ${CUSTOMERS} answered; repeated, all are confirmed`,
  );
}

/** Across the databases, which nobody uses any more. */
function checkBooks(confirmed) {
  const [product, payment, order] = ['product', 'payment', 'order'].map(
    (name) => new Database(join(folder, `${name}.db`), { readonly: true }),
  );
  const sold = product
    .prepare(
      `SELECT p.id, p.stock, p.held,
         coalesce(sum(l.quantity) FILTER (WHERE r.state = 'committed'), 0) AS sold,
         coalesce(sum(l.quantity) FILTER (WHERE r.state = 'held'), 0) AS reserved
       FROM products p LEFT JOIN reservation_lines l ON l.product_id = p.id LEFT JOIN reservations r ON r.id = l.reservation_id
       GROUP BY p.id`,
    )
    .all();
  for (const row of sold) {
    assert.equal(row.stock + row.sold, row.id === SCARCE ? SCARCE_STOCK : STOCK, `stock of ${row.id}`);
    assert.deepEqual([row.held, row.reserved], [0, 0], `nothing is held of ${row.id}`);
  }
  assert.equal(sold.find(({ id }) => id === SCARCE).sold, Math.min(SCARCE_STOCK, Math.ceil(CHECKOUTS / 5)));
  assert.equal(
    sold.reduce((sum, row) => sum + row.sold, 0),
    confirmed,
    'each confirmed order sold one',
  );

  assert.equal(payment.prepare('SELECT sum(amount) FROM ledger_entries').pluck().get(), 0, 'the ledger sums to zero');
  const taken = `SELECT sum(amount) FROM ledger_entries WHERE account = 'provider-clearing'`;
  const total = `SELECT sum(amount) FROM orders WHERE status = 'confirmed'`;
  assert.equal(payment.prepare(taken).pluck().get(), order.prepare(total).pluck().get(), 'what was sold was paid');
  const captured = payment.prepare(`SELECT order_id FROM payments WHERE status = 'captured' ORDER BY 1`).pluck().all();
  const orders = order.prepare(`SELECT id FROM orders WHERE status = 'confirmed' ORDER BY 1`).pluck().all();
  assert.deepEqual(captured, orders, 'each confirmed order has one captured payment');
  assert.equal(orders.length, confirmed);
  const others = payment
    .prepare(`SELECT status, count(*) AS n FROM payments WHERE status <> 'captured' GROUP BY 1`)
    .all();
  assert.deepEqual(
    others,
    [
      { status: 'declined', n: 2 },
      { status: 'voided', n: 1 },
    ],
    'what was refused was undone',
  );
}

async function start(name) {
  const peers = Object.entries(services).map(([peer, { url }]) => `${peer}=${url}`);
  const script = join(import.meta.dirname, 'service.js');
  const child = spawn(
    process.execPath,
    [script, name, '--data', folder, '--peers', peers.join(','), ...process.argv.slice(2)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const [line] = await once(createInterface(child.stdout), 'line');
  const url = line.slice(`${name} on `.length);
  return { child, url, pool: new Pool(url) };
}

function post(name, path, body, account, fields = {}) {
  const headers = { 'content-type': 'application/json', ...fields };
  return send(name, { method: 'POST', path, headers, body: JSON.stringify(body) }, account);
}

async function send(name, request, account) {
  const caller = account && { 'souk-caller': JSON.stringify({ sub: account }) };
  const answer = await services[name].pool.request({ ...request, headers: { ...request.headers, ...caller } });
  return { status: answer.statusCode, text: await answer.body.text() };
}

/** What the five have computed so far, in user and system. */
function cpuMs() {
  const ticks = Object.values(services).flatMap(({ child }) =>
    readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13),
  );
  return ticks.reduce((sum, count) => sum + Number(count), 0) * MS_PER_TICK;
}

/** Resident, and the part of it that is not shared or its share of what is. */
function tellMemory() {
  const sum = (file, field) =>
    Object.values(services)
      .map(({ child }) =>
        readFileSync(`/proc/${child.pid}/${file}`, 'utf8').match(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm')),
      )
      .map((found) => Number(found[1]))
      .reduce((total, kib) => total + kib, 0);
  const mib = (kib) => `${(kib / 1024).toFixed(0)} MiB`;
  console.log(`five processes: VmRSS ${mib(sum('status', 'VmRSS'))}, PSS ${mib(sum('smaps_rollup', 'Pss'))}`);
}
