// What the services have in common towards their clients: JSON in, JSON or a problem (RFC 9457) out, and who is asking.

import express from 'express';

const BODY_BYTES_MAX = 64 * 1024;

/** An answer that is no success. `type` is the same as souk's. */
export class Problem extends Error {
  constructor(status, type, more = {}) {
    super(type);
    this.status = status;
    this.body = { type: `urn:souk:problem:${type}`, status, ...more };
  }
}

/** An application without what nobody asked for: no `x-powered-by`, no digest of each answer. */
export function start() {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(express.json({ limit: BODY_BYTES_MAX }));
  return app;
}

/** What is behind all routes. */
export function finish(app) {
  app.use(() => {
    throw new Problem(404, 'unknown-route');
  });
  app.use((error, request, response, _next) => {
    const problem = error instanceof Problem ? error : unforeseen(error);
    response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem.body));
  });
}

/** Express has a status for bodies that are not JSON or too large; all else is a fault of ours. */
function unforeseen(error) {
  if (error.status >= 400 && error.status < 500) return new Problem(error.status, 'invalid-body');
  console.error(error);
  return new Problem(500, 'internal');
}

/** Whose request it is: souk's gateway checks the token and says so in this field, which is believed here. */
export function caller(request) {
  try {
    return text(JSON.parse(request.get('souk-caller')).sub, 'sub');
  } catch {
    throw new Problem(401, 'unauthenticated');
  }
}

/** A text of 1 to 256 characters. */
export function text(value, name) {
  if (typeof value === 'string' && value.length >= 1 && value.length <= 256) return value;
  throw new Problem(422, 'invalid', { detail: `${name} must be text of 1 to 256 characters` });
}

/** A whole number from `min` to `max`. */
export function integer(value, name, min, max) {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Problem(422, 'invalid', { detail: `${name} must be a whole number from ${min} to ${max}` });
}

/** The lines of an order: 1 to 40 of `{product_id, quantity}`, each product once. */
export function lines(value, name) {
  const isList = Array.isArray(value) && value.length >= 1 && value.length <= 40;
  if (!isList || new Set(value.map((line) => line?.product_id)).size !== value.length) {
    throw new Problem(422, 'invalid', { detail: `${name} must be 1 to 40 lines, each of another product` });
  }
  return value.map((line) => ({
    product_id: text(line.product_id, 'product_id'),
    quantity: integer(line.quantity, 'quantity', 1, 10_000),
  }));
}
