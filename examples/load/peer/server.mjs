// The reference server of the benchmark: oidc-provider with everything in memory and the shortest possible pages.
//
//   node server.mjs --listen 127.0.0.1:3000 --clients clients.json
//
// Nobody's password is checked: whoever names an e-mail address is logged in, and allows what was asked for. Keys are
// made at start and end with the process.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

import { Provider } from 'oidc-provider';
import MemoryAdapter from 'oidc-provider/lib/adapters/memory_adapter.js';
import LRU from 'oidc-provider/lib/helpers/lru.js';

// The adapter's own store forgets after 1,000 records. A login makes about ten, so 256 people would lose theirs half-way.
const RECORDS = 20_000;
const MOST_BODY = 4096;

const { values: { listen, clients } } = parseArgs({ options: { listen: { type: 'string' }, clients: { type: 'string' } } });
const issuer = `http://${listen}`;
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const store = new LRU({ maxSize: RECORDS });

const provider = new Provider(issuer, {
  adapter: (model) => new MemoryAdapter(model, store),
  clients: JSON.parse(readFileSync(clients, 'utf8')),
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' }] },
  cookies: { keys: [randomBytes(32).toString('base64url')] },
  scopes: ['openid', 'offline_access'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, email: id, email_verified: true }) }),
  // As the provider that is measured: a refresh token with each login, which outlives it and changes with each use.
  issueRefreshToken: async (_, client) => client.grantTypeAllowed('refresh_token'),
  expiresWithSession: async () => false,
  rotateRefreshToken: true,
  ttl: {
    AccessToken: 300, AuthorizationCode: 60, IdToken: 300, Interaction: 1800, Grant: 86400, RefreshToken: 86400,
    Session: 86400,
  },
});
provider.on('server_error', (_, error) => console.error(error));

const page = (uid, inside) => `<!doctype html><html lang="en"><title>Reference</title><body>
<form method="post" action="/interaction/${uid}">${inside}</form></body></html>`;

const PAGES = {
  login: '<input id="email" name="email"><button id="continue">Continue</button>',
  consent: '<button id="allow">Allow</button>',
};

/** The fields of a posted form. */
async function form(request) {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) {
    body += chunk;
    if (body.length > MOST_BODY) throw new Error('the form is too long');
  }
  return new URLSearchParams(body);
}

/** Allows everything that this interaction still asks for. */
async function allow({ prompt, session, params, grantId }) {
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope((prompt.details.missingOIDCScope ?? []).join(' '));
  grant.addOIDCClaims(prompt.details.missingOIDCClaims ?? []);
  return { consent: { grantId: await grant.save() } };
}

/** Shows a page, or takes what was filled in on it. */
async function interact(request, response) {
  const interaction = await provider.interactionDetails(request, response);
  const { uid, prompt } = interaction;
  if (request.method !== 'POST') {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(page(uid, PAGES[prompt.name]));
    return;
  }
  const fields = await form(request);
  const result = prompt.name === 'login' ? { login: { accountId: fields.get('email') } } : await allow(interaction);
  await provider.interactionFinished(request, response, result);
}

const oidc = provider.callback();
const server = createServer((request, response) => {
  if (!request.url.startsWith('/interaction/')) {
    oidc(request, response);
    return;
  }
  interact(request, response).catch((error) => {
    console.error(error);
    response.statusCode = 500;
    response.end(error.message);
  });
});
// Everybody waits for the last to be ready before a run starts; nobody's connection shall be closed meanwhile.
server.keepAliveTimeout = 60_000;
const { hostname, port } = new URL(issuer);
server.listen({ host: hostname, port: Number(port) });
