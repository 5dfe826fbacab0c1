// What else than one payment is approved, in a real browser: several payments, a payment by card, operations; and a name that
// imitates another.

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';

import * as client from 'openid-client';

import { Browser } from './support/browser.mjs';
import { Place, stepsAt } from './support/place.mjs';

const CALLBACK = 'http://localhost:9/callback';
const SECRET = 'a secret of the till';
const payment = (creditorName, purse, amount) => ({
  creditorName, creditorAccount: { purse }, instructedAmount: { currency: 'WMZ', amount },
});

const BATCH = {
  type: 'payment_batch',
  totalAmount: { currency: 'WMZ', amount: '12345678931.50' },
  payments: [
    payment('Demo Shop', 'Z123456789012', '10.50'),
    payment('Книжный магазин «Ёлка» на Невском проспекте', 'Z210987654321', '21.00'),
    payment('W'.repeat(64), 'Z000000000001', '12345678900.00'),
  ],
  reference: 'payout-7',
  remittanceInformation: 'What we owe you for November',
};
const CARD = {
  type: '3ds:payment_authorisation',
  instructed_amount: { amount: 222.22, currency: 'AUD' },
  source_account: '4111111111111111',
  // The second letter is Cyrillic.
  beneficiary_name: 'Dеmo Shop',
  payment_desc: 'A mug',
};
const LOAN = {
  type: 'enum_operation',
  operation: {
    name: 'take_loan', wmid: '123456789012', lender: '210987654321', amount: { currency: 'WMZ', amount: '100.00' }, days: 30,
    interest: '12.5',
  },
};
const LOGIN = { type: 'enum_operation', operation: { name: 'keeper_login', wmid: '123456789012', keeper: 'light' } };

describe('approvals in a browser', { timeout: 240_000 }, () => {
  let place, browser, person, config;

  before(async () => {
    place = await Place.make();
    place.configure({
      clients: [{ client_id: 'till', client_name: 'The till', client_secret: SECRET, redirect_uris: [CALLBACK] }],
    });
    await Promise.all([Browser.launch().then((launched) => { browser = launched; }), place.serve()]);
    person = await place.person('linh@example.com');
    const execute = [client.allowInsecureRequests];
    config = await client.discovery(new URL(place.issuer), 'till', undefined, client.ClientSecretBasic(SECRET), { execute });
  });

  after(async () => {
    await Promise.allSettled([browser?.close(), place?.end()]);
  });

  const step = stepsAt(() => place);

  /** A window with the question about this object. */
  async function asked(details) {
    const verifier = client.randomPKCECodeVerifier();
    const address = await client.buildAuthorizationUrlWithPAR(config, {
      redirect_uri: CALLBACK, scope: 'openid', state: client.randomState(), login_hint: person.email,
      code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
      authorization_details: JSON.stringify([details]),
    });
    const window = await browser.open();
    await window.go(address.href);
    if (await window.has('#email')) {
      await window.fill('email', person.email);
      await window.click('#continue');
    }
    return window;
  }

  /** The check number is the same at the top of the page and where the pad is told of it. */
  async function check(window) {
    const number = await window.text('#payment-account');
    assert.equal(await window.text('#pad-payee'), number);
    return number;
  }

  /** Answers; the browser is then sent to the till, where nobody listens. */
  async function answers(window, answer) {
    window.overlooks(CALLBACK);
    await window.fill('answer', answer);
    const left = window.page.waitForRequest((request) => request.url().startsWith(CALLBACK));
    await window.page.click('#continue');
    assert.ok(new URL((await left).url()).searchParams.has('code'));
  }

  step('several payments are shown one by one, and approved by their total and check number', async () => {
    const window = await asked(BATCH);
    assert.equal(await window.text('#payment-amount'), '12345678931.50');
    const payees = await window.page.$$eval('#payment-payees li', (items) => items.map((item) => item.innerText));
    assert.equal(payees.length, 3);
    assert.match(payees[0], /Demo Shop.*Z123456789012.*10\.50 WMZ/s);
    await window.look('approve-batch');
    const number = await check(window);
    await answers(window, await person.pad.pay(await window.challenge(), number, '12345678931.50'));
  });

  step('a card payment hides the number of the card and warns of a name in two alphabets', async () => {
    const window = await asked(CARD);
    assert.equal(await window.text('#payment-card'), '•••• 1111');
    assert.match(await window.text('#payment-warning'), /Dеmo Shop/);
    await window.look('approve-card');
    await answers(window, await person.pad.pay(await window.challenge(), await check(window), '222.22'));
  });

  step('an operation about money is approved in its own mode', async () => {
    const window = await asked(LOAN);
    assert.equal(await window.text('#payment-operation'), 'Take a loan');
    assert.equal(await window.text('h1'), 'Confirm an operation');
    await window.look('approve-loan');
    await answers(window, await person.pad.operation(await window.challenge(), await check(window), '100.00'));
  });

  step('an operation without money is approved in its own mode', async () => {
    const window = await asked(LOGIN);
    assert.equal(await window.has('#payment-amount'), false);
    await window.look('approve-login');
    await answers(window, await person.pad.operation(await window.challenge(), await check(window)));
  });
});
