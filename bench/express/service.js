// `node service.js NAME --port N --data FOLDER --peers NAME=URL,… [--commit-each]`: one of the five services, from its start to SIGTERM.

import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

import { open } from './database.js';
import { peers } from './peers.js';
import { finish, start } from './web.js';

/** The services, and whom each asks. */
const SERVICES = {
  product: [],
  customer: [],
  payment: [],
  cart: ['product'],
  order: ['product', 'customer', 'cart', 'payment'],
};

/** Longer than a peer keeps an idle connection, so that it is never closed under a request. */
const KEEP_ALIVE_MS = 60_000;

/** How long a request may still take after SIGTERM. */
const GRACE_MS = 5_000;

const { name, values } = read();

// What Express wants to hear before it stops telling clients about errors.
process.env.NODE_ENV ??= 'production';

const { schema, routes } = await import(`./${name}.js`);
const database = open(values.data, name, schema, values['commit-each']);
const app = start();
routes(app, database, values.peers);
finish(app);

const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, app);
server.listen(values.port, '127.0.0.1');
await once(server, 'listening');
console.log(`${name} on http://127.0.0.1:${server.address().port}`);

process.once('SIGTERM', () => {
  server.close(() => {
    database.close();
    process.exit(0);
  });
  setTimeout(() => server.closeAllConnections(), GRACE_MS).unref();
});

/** The arguments; all that is wrong with them is told at once. */
function read() {
  const options = {
    port: { type: 'string', default: '0' },
    data: { type: 'string', default: '.' },
    peers: { type: 'string', default: '' },
    'commit-each': { type: 'boolean', default: false },
  };
  const { positionals, values } = parseArgs({ allowPositionals: true, options });
  const [name] = positionals;
  const port = Number(values.port);
  const known = peers(values.peers);
  const faults = [];
  if (positionals.length !== 1 || !(name in SERVICES)) faults.push(`name one of ${Object.keys(SERVICES).join(', ')}`);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) faults.push('--port must be a number from 0 to 65535');
  if (!existsSync(values.data)) faults.push('--data must be a folder');
  for (const peer of SERVICES[name] ?? []) if (!(peer in known)) faults.push(`--peers must have ${peer}=URL`);
  if (faults.length > 0) {
    console.error(faults.join('\n'));
    process.exit(2);
  }
  return { name, values: { ...values, port, peers: known } };
}
