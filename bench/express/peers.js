// The other services, over HTTP on connections that stay open.

import { setTimeout as wait } from 'node:timers/promises';

import { Pool } from 'undici';

import { Problem } from './web.js';

const CONNECTIONS_MAX = 256;
const ANSWER_MS_MAX = 5_000;

/** What every call may be repeated after: an answer that was lost, a service that can't answer now. All calls are safe to repeat. */
const WAITS_MS = [50, 250];

/** `NAME=URL,…` as `{NAME: {get, post}}`. */
export function peers(argument) {
  const pairs = argument.split(',').filter((pair) => pair !== '');
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      return [pair.slice(0, at), peer(pair.slice(0, at), pair.slice(at + 1))];
    }),
  );
}

function peer(name, url) {
  const pool = new Pool(url, {
    connections: CONNECTIONS_MAX,
    headersTimeout: ANSWER_MS_MAX,
    bodyTimeout: ANSWER_MS_MAX,
  });
  const headers = { 'content-type': 'application/json' };
  return {
    get: (path) => call(name, pool, { method: 'GET', path }),
    post: (path, body = {}) => call(name, pool, { method: 'POST', path, headers, body: JSON.stringify(body) }),
  };
}

/** The status and body of a success or of a refusal. What is neither after some patience is `unavailable`: nobody knows what it did. */
async function call(name, pool, request) {
  for (let attempt = 0; ; attempt++) {
    const answer = await pool
      .request(request)
      .then(read)
      .catch((error) => ({ error }));
    if (answer.status < 500) return answer;
    if (attempt === WAITS_MS.length) {
      console.error(`${name} ${request.method} ${request.path}:`, answer.error ?? answer.status);
      throw new Problem(503, 'unavailable', { detail: `${name} does not answer now` });
    }
    await wait(WAITS_MS[attempt]);
  }
}

async function read(response) {
  const text = await response.body.text();
  return { status: response.statusCode, body: text === '' ? undefined : JSON.parse(text) };
}
