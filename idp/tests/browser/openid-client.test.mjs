// openid-client, a library that the project uses nowhere else, logs in and refreshes: unmodified, with every check on.

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';

import { decodeProtectedHeader, exportJWK, generateKeyPair } from 'jose';
import * as client from 'openid-client';

import { Place, stepsAt } from './support/place.mjs';
import { Visitor, logIn } from './support/visitor.mjs';

const CALLBACK = 'http://localhost:9/callback';
const AFTER_LOGOUT = 'http://localhost:9/';
const SECRET = 'a secret with % and : and +';

describe('openid-client', { timeout: 120_000 }, () => {
  let place, person, key;

  before(async () => {
    place = await Place.make();
    key = await generateKeyPair('ES256');
    const base = {
      redirect_uris: [CALLBACK],
      post_logout_redirect_uris: [AFTER_LOGOUT],
      grant_types: ['authorization_code', 'refresh_token'],
    };
    place.configure({
      clients: [
        { ...base, client_id: 'basic', client_secret: SECRET },
        { ...base, client_id: 'post', client_secret: SECRET, token_endpoint_auth_method: 'client_secret_post' },
        { ...base, client_id: 'public', token_endpoint_auth_method: 'none' },
        { ...base, client_id: 'rsa', client_secret: SECRET, id_token_signed_response_alg: 'RS256' },
        { ...base, client_id: 'pairwise', client_secret: SECRET, subject_type: 'pairwise' },
        {
          ...base,
          client_id: 'key',
          token_endpoint_auth_method: 'private_key_jwt',
          jwks: { keys: [{ ...(await exportJWK(key.publicKey)), kid: 'one', use: 'sig', alg: 'ES256' }] },
        },
      ],
    });
    await place.serve();
    person = await place.person('linh@example.com');
  });

  after(() => place?.end());

  const step = stepsAt(() => place);

  /** What the library knows of provider and client after discovery. It then also checks signatures of ID tokens. */
  function discover(id, authentication, metadata) {
    return client.discovery(new URL(place.issuer), id, metadata, authentication, {
      execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
    });
  }

  /** A request with everything that a careful website sends, and what it then expects. */
  async function request(more = {}) {
    const pkceCodeVerifier = client.randomPKCECodeVerifier();
    const expectedState = client.randomState();
    const expectedNonce = client.randomNonce();
    const parameters = {
      redirect_uri: CALLBACK,
      scope: 'openid profile email offline_access',
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      state: expectedState,
      nonce: expectedNonce,
      ...more,
    };
    return { parameters, checks: { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true } };
  }

  async function signIn(config, { visitor = new Visitor(place.issuer), more } = {}) {
    const { parameters, checks } = await request(more);
    const back = await logIn(visitor, client.buildAuthorizationUrl(config, parameters).href, person);
    assert.ok(back, `the login stopped at: ${visitor.text()}`);
    return { tokens: await client.authorizationCodeGrant(config, back, checks), back, checks };
  }

  const isDead = (promise) => assert.rejects(promise, { error: 'invalid_grant' });

  step('logs in, reads who it is, refreshes twice; a stolen refresh token ends the family', async () => {
    const config = await discover('basic', client.ClientSecretBasic(SECRET));
    const { tokens } = await signIn(config);
    const claims = tokens.claims();
    assert.equal(claims.acr, 'urn:enum:acr:2');
    assert.ok(Math.abs(claims.auth_time - Date.now() / 1000) < 60, String(claims.auth_time));
    assert.equal(decodeProtectedHeader(tokens.id_token).alg, 'ES256');

    const { email, name, ...info } = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
    assert.deepEqual({ email, name }, { email: person.email, name: 'Linh Tran' });
    assert.equal(info.sub, claims.sub);

    const second = await client.refreshTokenGrant(config, tokens.refresh_token);
    const third = await client.refreshTokenGrant(config, second.refresh_token);
    assert.equal(new Set([tokens, second, third].map((each) => each.refresh_token)).size, 3, 'each works once');
    assert.equal(third.claims().sub, claims.sub);
    assert.equal(third.claims().auth_time, claims.auth_time, 'a refresh is no login');
    await client.fetchUserInfo(config, third.access_token, claims.sub);

    await isDead(client.refreshTokenGrant(config, second.refresh_token));
    await isDead(client.refreshTokenGrant(config, third.refresh_token));
    await assert.rejects(client.fetchUserInfo(config, third.access_token, claims.sub), ({ status, cause }) => {
      assert.equal(status, 401);
      assert.equal(cause[0].parameters.error, 'invalid_token');
      return true;
    });
  });

  step('a code works once, and its second use takes back what the first one gave', async () => {
    const config = await discover('basic', client.ClientSecretBasic(SECRET));
    const { tokens, back, checks } = await signIn(config);
    await isDead(client.authorizationCodeGrant(config, back, checks));
    await isDead(client.refreshTokenGrant(config, tokens.refresh_token));
  });

  step('a client that posts its secret', async () => {
    const { tokens } = await signIn(await discover('post', client.ClientSecretPost(SECRET)));
    assert.equal(tokens.claims().aud, 'post');
  });

  step('a client with a key instead of a secret', async () => {
    const config = await discover('key', client.PrivateKeyJwt({ key: key.privateKey, kid: 'one' }));
    const { tokens } = await signIn(config);
    await client.refreshTokenGrant(config, tokens.refresh_token);
    const stranger = await generateKeyPair('ES256');
    const impostor = await discover('key', client.PrivateKeyJwt({ key: stranger.privateKey, kid: 'one' }));
    await assert.rejects(signIn(impostor), { status: 401 });
  });

  step('a public client', async () => {
    const config = await discover('public', client.None());
    const { tokens } = await signIn(config);
    await client.refreshTokenGrant(config, tokens.refresh_token);
    const { parameters } = await request();
    delete parameters.code_challenge;
    delete parameters.code_challenge_method;
    const visitor = new Visitor(place.issuer);
    const back = await visitor.go(client.buildAuthorizationUrl(config, parameters).href);
    assert.equal(back?.searchParams.get('error'), 'invalid_request', 'there is no code without PKCE');
  });

  step('a client that was registered for RS256', async () => {
    const config = await discover('rsa', client.ClientSecretBasic(SECRET), { id_token_signed_response_alg: 'RS256' });
    const { tokens } = await signIn(config);
    assert.equal(decodeProtectedHeader(tokens.id_token).alg, 'RS256');
  });

  step('a client that knows people under another number', async () => {
    const own = await signIn(await discover('pairwise', client.ClientSecretBasic(SECRET)));
    const others = await signIn(await discover('basic', client.ClientSecretBasic(SECRET)));
    assert.notEqual(own.tokens.claims().sub, others.tokens.claims().sub);
  });

  step('a request that is pushed', async () => {
    const config = await discover('basic', client.ClientSecretBasic(SECRET));
    const { parameters, checks } = await request();
    const address = await client.buildAuthorizationUrlWithPAR(config, parameters);
    assert.deepEqual([...address.searchParams.keys()].sort(), ['client_id', 'request_uri']);
    const back = await logIn(new Visitor(place.issuer), address.href, person);
    const tokens = await client.authorizationCodeGrant(config, back, checks);
    assert.equal(tokens.claims().aud, 'basic');
  });

  step('an answer that is posted', async () => {
    const config = await discover('basic', client.ClientSecretBasic(SECRET));
    const { parameters, checks } = await request({ response_mode: 'form_post' });
    const visitor = new Visitor(place.issuer);
    await logIn(visitor, client.buildAuthorizationUrl(config, parameters).href, person);
    const { action, fields } = visitor.form('continue');
    assert.equal(action, CALLBACK);
    const posted = new Request(action, { method: 'POST', body: new URLSearchParams(fields) });
    const tokens = await client.authorizationCodeGrant(config, posted, checks);
    assert.equal(tokens.claims().aud, 'basic');
  });

  step('a browser that is signed in already is asked nothing, unless the website insists', async () => {
    const config = await discover('basic', client.ClientSecretBasic(SECRET));
    const visitor = new Visitor(place.issuer);
    const first = await signIn(config, { visitor });
    const again = await request({ prompt: 'none' });
    const back = await visitor.go(client.buildAuthorizationUrl(config, again.parameters).href);
    const tokens = await client.authorizationCodeGrant(config, back, again.checks);
    assert.equal(tokens.claims().auth_time, first.tokens.claims().auth_time);

    const insisting = await request({ prompt: 'login' });
    assert.equal(await visitor.go(client.buildAuthorizationUrl(config, insisting.parameters).href), undefined);

    const stranger = await new Visitor(place.issuer).go(client.buildAuthorizationUrl(config, again.parameters).href);
    await assert.rejects(client.authorizationCodeGrant(config, stranger, again.checks), { error: 'login_required' });
  });

  step('signs out, and the session is gone', async () => {
    const config = await discover('basic', client.ClientSecretBasic(SECRET));
    const visitor = new Visitor(place.issuer);
    const { tokens } = await signIn(config, { visitor });
    const address = client.buildEndSessionUrl(config, {
      id_token_hint: tokens.id_token,
      post_logout_redirect_uri: AFTER_LOGOUT,
      state: 'over',
    });
    assert.equal(await visitor.go(address.href), undefined, 'the person is asked');
    const back = await visitor.press('logout-yes');
    assert.equal(back?.href, `${AFTER_LOGOUT}?state=over`);
    const { parameters, checks } = await request({ prompt: 'none' });
    const refused = await visitor.go(client.buildAuthorizationUrl(config, parameters).href);
    await assert.rejects(client.authorizationCodeGrant(config, refused, checks), { error: 'login_required' });
  });

  step('a person who says no is an answer too', async () => {
    const config = await discover('basic', client.ClientSecretBasic(SECRET));
    const { parameters, checks } = await request();
    const visitor = new Visitor(place.issuer);
    await visitor.go(client.buildAuthorizationUrl(config, parameters).href);
    const back = await visitor.press('deny');
    await assert.rejects(client.authorizationCodeGrant(config, back, checks), { error: 'access_denied' });
  });
});
