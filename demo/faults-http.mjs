/** The control endpoint: `GET /faults` tells what is switched on, `POST /faults` makes a fault. */

const MAX_BODY_BYTES = 1_024;

/** Answers one request to the endpoint, which is for the page of this very server and nobody else. */
export async function answerFaults(faults, request, response) {
  if (request.method === 'GET') return write(response, 200, faults.state());
  if (request.method !== 'POST') return write(response, 405, { error: 'use GET or POST' });
  if (!isSameOrigin(request)) return write(response, 403, { error: 'not from this origin' });
  let command;
  try {
    command = JSON.parse(await readBody(request));
  } catch {
    return write(response, 400, { error: 'not JSON, or too long' });
  }
  try {
    return write(response, 200, { note: faults.make(command), ...faults.state() });
  } catch (error) {
    if (error instanceof TypeError) return write(response, 400, { error: error.message });
    throw error;
  }
}

/** A page of another site may send a POST; it cannot do so without telling its origin. */
function isSameOrigin({ headers }) {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return false;
  // Also behind a tunnel that speaks HTTPS for this server.
  return ['http', 'https'].some((scheme) => headers.origin === `${scheme}://${headers.host}`);
}

async function readBody(request) {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) {
    body += chunk;
    if (body.length > MAX_BODY_BYTES) throw new RangeError('too long');
  }
  return body;
}

function write(response, status, body) {
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(JSON.stringify(body));
}
