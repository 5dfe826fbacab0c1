// Codes by text message and by mail in a real browser: turned on when registering, for logins, and for a payment with its fee.

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';

import { Browser } from './support/browser.mjs';
import { Place, stepsAt } from './support/place.mjs';
import { output } from './support/programs.mjs';
import { sum } from './support/visitor.mjs';

const [ANNA, BORIS, CLARA] = ['anna@example.com', 'boris@example.com', 'clara@example.com'];
const PHONES = { [ANNA]: '+84912345678', [BORIS]: '+84912345677', [CLARA]: '+84912345670' };

describe('with codes', { timeout: 240_000 }, () => {
  let place, browser;

  before(async () => {
    place = await Place.make(['libsms_factor.so', 'libemail_factor.so', 'libmerchant.so']);
    [browser] = await Promise.all([Browser.launch(), place.serveAll()]);
  });

  after(async () => {
    await Promise.allSettled([browser?.close(), place?.end()]);
  });

  const step = stepsAt(() => place);

  /** Somebody registers and chooses a method; its page then waits for the code. */
  async function registers(email, factor) {
    const window = await browser.open();
    await window.go(`${place.issuer}/register`);
    const fields = { first_name: 'Anna', last_name: 'Nguyễn', email, phone: PHONES[email], security_answer: 'the river' };
    for (const [id, text] of Object.entries(fields)) await window.fill(id, text);
    await window.fill('sum', String(sum(await window.text('label[for="sum"]'))));
    await window.click('#continue');
    const mail = await place.message(email, '/register/confirm/');
    await window.go(/\S*\/register\/confirm\/\S*/.exec(mail.text)[0]);
    await window.page.click(`#factor-${factor}`);
    await window.click('#continue');
    return window;
  }

  /** The browser at the page that asks for a code, on its way to the website. A link alone sends nothing: a button does. */
  async function signsIn(email, factor) {
    const window = await browser.open();
    await window.go(place.website);
    await window.fill('email', email);
    await window.click('#sign-in');
    await window.click(`#factor-${factor}`);
    return window;
  }

  async function types(window, code) {
    await window.fill('answer', code);
    await window.click('#continue');
  }

  /** The code in the newest of `count` text messages, as browsers read it out of the last line. */
  async function texted(email, count) {
    const messages = await place.messages(PHONES[email], '@localhost #', count);
    assert.equal(messages.length, count);
    return { code: /\n@localhost #(\d{6})$/.exec(messages.at(-1).text)[1], text: messages.at(-1).text };
  }

  async function mailed(email, mark, count) {
    const messages = await place.messages(email, mark, count);
    return /\b\d{6}\b/.exec(messages.at(-1).text)[0];
  }

  /** A code that is not this one. */
  const wrong = (code) => code.slice(0, 5) + ((Number(code[5]) + 1) % 10);

  step('somebody registers with text messages, and shows that they arrive', async () => {
    const window = await registers(ANNA, 'sms');
    await window.focuses('answer');
    await window.look('sms-set-up');
    const { code } = await texted(ANNA, 1);
    await types(window, wrong(code));
    await window.look('sms-set-up-wrong');
    await types(window, code);
    assert.match(await window.text('#activated'), /anna@example\.com/);
  });

  step('she signs in with the code of a text message', async () => {
    const window = await signsIn(ANNA, 'sms');
    await window.focuses('answer');
    assert.equal(await window.page.$eval('#answer', (field) => field.autocomplete), 'one-time-code');
    await window.look('sms-sign-in');
    const { code } = await texted(ANNA, 2);
    await types(window, wrong(code));
    assert.match(await window.text('#error'), /not accepted/);
    await window.look('sms-sign-in-wrong');
    await types(window, code);
    await window.click('#allow');
    assert.equal(await window.text('#user-email'), ANNA);
    assert.equal(await window.text('#acr'), 'urn:enum:acr:2');
  });

  step('somebody sees what the message for a payment costs before it is sent, and what it approves', async () => {
    const { link, code: first } = await place.begins(CLARA, 'sms');
    const window = await browser.open();
    await window.go(link);
    await types(window, first);
    await window.go(place.shop);
    await window.click('#buy-mug');
    await window.click('#pay');
    await window.fill('email', CLARA);
    await window.click('#continue');
    assert.match(await window.text('#fee'), /0\.05\u00a0WMZ/);
    assert.equal(await window.text('#payment-amount'), '10.50');
    await window.look('sms-fee');
    await window.click('#accept');
    await window.focuses('answer');
    await window.look('sms-payment');
    const { code, text } = await texted(CLARA, 1);
    assert.match(text.split(code)[0], /10\.50 WMZ.*Demo Shop.*Z123456789012/s);
    await types(window, code);
    assert.equal(await window.text('#acr'), 'urn:enum:acr:payment');
    assert.equal(await window.text('#fee'), '0.05 WMZ');
    const told = await output('enum-idp', ['fees', 'list', '--config', place.at('enum.toml'), '--email', CLARA]);
    assert.match(told, /owes 0\.05 WMZ/);
  });

  step('somebody else does the same by mail, which is worth less', async () => {
    const window = await registers(BORIS, 'email');
    await window.look('mail-set-up');
    const code = await mailed(BORIS, 'by codes', 1);
    await types(window, code);
    assert.match(await window.text('#activated'), /boris@example\.com/);

    const other = await signsIn(BORIS, 'email');
    await other.look('mail-sign-in');
    await types(other, await mailed(BORIS, 'is signing in', 1));
    await other.click('#allow');
    assert.equal(await other.text('#acr'), 'urn:enum:acr:1');
    other.isContent();
  });

  step('a mailbox approves no payment', async () => {
    const window = await browser.open();
    await window.go(place.shop);
    await window.click('#buy-mug');
    await window.click('#pay');
    await window.fill('email', BORIS);
    await window.click('#continue');
    assert.equal(await window.has('#answer'), false);
    await window.look('mail-no-payment');
  });
});
