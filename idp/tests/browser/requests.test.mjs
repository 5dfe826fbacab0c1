// A merchant asks without a browser; the person finds that in their personal area, and answers it with the pad.

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';

import { createRemoteJWKSet, jwtVerify } from 'jose';

import { Browser } from './support/browser.mjs';
import { Place, stepsAt } from './support/place.mjs';

const EMAIL = 'linh@example.com';
const CIBA = 'urn:openid:params:grant-type:ciba';
const SECRET = 'a secret of the kiosk';
const PURSE = 'Z123456789012';
const DETAILS = [{
  type: 'payment_initiation',
  instructedAmount: { currency: 'WMZ', amount: '10.50' },
  creditorName: 'Kiosk <1> at the "station"',
  creditorAccount: { purse: PURSE },
  reference: 'order-1',
}];

const kiosk = {
  client_id: 'kiosk', client_name: 'The kiosk', client_secret: SECRET, redirect_uris: ['https://kiosk.example/'],
  token_endpoint_auth_method: 'client_secret_post', grant_types: ['authorization_code', CIBA],
  backchannel_token_delivery_mode: 'poll', authorization_details_types: ['payment_initiation'],
};

describe('requests without a browser', { timeout: 300_000 }, () => {
  let place, browser, window, person;

  before(async () => {
    place = await Place.make();
    // Looking at a page takes longer than a person would; nobody waits here for the next poll.
    const settings = { clients: [kiosk], backchannel: { interval_seconds: 1 } };
    [browser] = await Promise.all([Browser.launch(), place.serveAll(settings)]);
    person = await place.person(EMAIL);
    window = await browser.open();
  });

  after(async () => {
    await Promise.allSettled([browser?.close(), place?.end()]);
  });

  const step = stepsAt(() => place);

  const posts = async (path, fields) => {
    const body = new URLSearchParams({ client_id: 'kiosk', client_secret: SECRET, ...fields });
    return (await fetch(`${place.issuer}${path}`, { method: 'POST', body })).json();
  };
  const asks = (fields) =>
    posts('/backchannel-authentication', { scope: 'openid', login_hint: EMAIL, binding_message: 'W4SCT ☕', ...fields });

  /** Asks whether there is an answer until it is none of those that say to wait. */
  const fetches = async (id) => {
    for (;;) {
      const told = await posts('/token', { grant_type: CIBA, auth_req_id: id });
      if (!['authorization_pending', 'slow_down'].includes(told.error)) return told;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  };

  const answers = async () => {
    await window.fill('answer', await person.pad.answer(await window.challenge()));
    await window.click('#continue');
  };

  let paying;

  step('the person is told by mail, and finds the request in their area', async () => {
    paying = (await asks({ authorization_details: JSON.stringify(DETAILS) })).auth_req_id;
    assert.equal((await posts('/token', { grant_type: CIBA, auth_req_id: paying })).error, 'authorization_pending');
    const mail = await place.message(EMAIL, '/account/requests');
    await window.go(/\S*\/account\/requests/.exec(mail.text)[0]);
    await window.fill('email', EMAIL);
    await window.click('#continue');
    await answers();
    assert.equal(new URL(window.page.url()).pathname, '/account/requests');
    assert.match(await window.text('#requests'), /10\.50/);
    assert.equal(await window.text('#binding-message-1'), 'W4SCT ☕');
    await window.look('requests');
  });

  step('the payment is shown on the page of the proof, and approved with the pad', async () => {
    await window.click('#look-1');
    assert.equal(await window.text('#payment-payee'), 'Kiosk <1> at the "station"');
    assert.equal(await window.text('#binding-message'), 'W4SCT ☕');
    await window.look('request-question');
    await window.fill('answer', await person.pad.pay(await window.challenge(), PURSE, '10.50'));
    await window.click('#continue');
    assert.match(await window.text('#notice'), /approved/);
    await window.look('request-approved');
  });

  step('the merchant fetches the receipt, which its own library verifies', async () => {
    const tokens = await fetches(paying);
    const keys = createRemoteJWKSet(new URL(`${place.issuer}/jwks`));
    const { payload } = await jwtVerify(tokens.receipt, keys, { issuer: place.issuer, audience: 'kiosk' });
    assert.equal(payload.transaction.payee_account, PURSE);
    assert.equal(payload.transaction.amount_minor, 1050);
    assert.equal(payload.jti, tokens.authorization_details[0].confirmation);
  });

  step('a sign-in is declined with a reason, and the merchant is muted', async () => {
    const { auth_req_id: id } = await asks({});
    await window.go(`${place.issuer}/account`);
    assert.equal(await window.text('#requests-count'), '1');
    await window.click('#requests-count');
    await window.click('#mute-1');
    await window.look('requests-muted');
    await window.page.select('#reason-1', 'unknown');
    await window.click('#decline-1');
    const told = await fetches(id);
    assert.deepEqual([told.error, told.error_description], ['access_denied', 'the person declined: unknown']);
    assert.ok((await asks({})).auth_req_id, 'who is muted is not told');
    await window.go(`${place.issuer}/account/requests`);
    assert.ok(await window.has('#nothing'));
    await window.click('#unmute-1');
    assert.ok(!(await window.has('#muted')));
    window.isContent();
  });

  /** An order of the example shop, asked for by e-mail: its page, in a window of its own. */
  const orders = async () => {
    const shop = await browser.open();
    await shop.go(place.shop);
    await shop.click('button');
    await shop.fill('email', EMAIL);
    await shop.click('#ask');
    await becomes(shop, 'asked');
    return shop;
  };

  /** The page of an order looks for the answer by itself. */
  const becomes = (shop, status) =>
    shop.page.waitForFunction((wanted) => document.querySelector('#order-status')?.textContent === wanted, {}, status);

  step('the example shop asks for an order, and shows the receipt as soon as it is approved', async () => {
    const shop = await orders();
    assert.ok(!(await shop.has('#pay')), 'there is one attempt at a time');
    await window.go(`${place.issuer}/account/requests`);
    assert.equal(await window.text('#binding-message-1'), await shop.text('#message'));
    await window.click('#look-1');
    const [purse, amount] = [await window.text('#payment-account'), await window.text('#payment-amount')];
    await window.fill('answer', await person.pad.pay(await window.challenge(), purse, amount));
    await window.click('#continue');
    await becomes(shop, 'paid');
    assert.match(await shop.text('#acr'), /payment/);
    shop.isContent();
  });

  step('an order that is declined can be paid after all', async () => {
    const shop = await orders();
    await window.go(`${place.issuer}/account/requests`);
    await window.click('#decline-1');
    await becomes(shop, 'declined');
    assert.ok(await shop.has('#pay'));
    shop.isContent();
  });
});
