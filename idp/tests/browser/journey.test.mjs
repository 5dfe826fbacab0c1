// The main job in a real browser: register, activate the cipherpad, log in to a website, confirm a payment.

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';

import { createRemoteJWKSet, jwtVerify } from 'jose';

import { Browser } from './support/browser.mjs';
import { Place, stepsAt } from './support/place.mjs';
import { sum } from './support/visitor.mjs';

const EMAIL = 'nguyen.anna@example.com';

describe('in a browser', { timeout: 240_000 }, () => {
  let place, browser, pad;
  const people = {};

  before(async () => {
    place = await Place.make();
    [browser] = await Promise.all([Browser.launch(), place.serveAll()]);
    pad = place.pad('anna');
    people.keyboard = await place.person('minh@example.com', ['Minh', 'Pham']);
    people.forgetful = await place.person('hoa@example.com', ['Hoa', 'Le']);
    people.scriptless = await place.person('ivan@example.com', ['Иван', 'Петров']);
  });

  after(async () => {
    await Promise.allSettled([browser?.close(), place?.end()]);
  });

  const step = stepsAt(() => place);

  step('somebody registers, with slips on the way, and activates the cipherpad', async () => {
    const window = await browser.open();
    await window.go(place.issuer);
    await window.look('home');
    await window.click('a[href="/register"]');
    await window.look('register');

    const filled = {
      first_name: 'Anna', last_name: 'Nguyễn "Annie" <3', email: EMAIL, own_question: 'Which river runs through your town?',
      security_answer: 'the Perfume River',
    };
    for (const [id, text] of Object.entries(filled)) await window.fill(id, text);
    await window.page.select('#question', 'own');
    const keeps = async () => {
      for (const [id, text] of Object.entries(filled)) assert.equal(await window.value(id), text, id);
      assert.equal(await window.value('question'), 'own');
    };
    const question = () => window.text('label[for="sum"]');

    const asked = await question();
    await window.fill('phone', '12345');
    await window.fill('sum', String(sum(asked) + 1));
    await window.click('#continue');
    assert.match(await window.text('#phone-error'), /country code/);
    assert.equal(await window.page.$eval('#phone', (field) => field.getAttribute('aria-invalid')), 'true');
    assert.equal(await window.value('phone'), '12345');
    assert.equal(await question(), asked, 'nobody adds up again for a slip elsewhere');
    await keeps();
    await window.look('register-wrong-phone');

    await window.fill('phone', '+84 912 345 678');
    await window.fill('sum', String(sum(asked) + 1));
    await window.click('#continue');
    assert.match(await window.text('#sum-error'), /not right/);
    assert.equal(await window.has('#phone-error'), false);
    assert.equal(await window.value('phone'), '+84 912 345 678');
    await keeps();
    await window.look('register-wrong-sum');

    await window.fill('last_name', 'Nguyễn');
    await window.fill('sum', String(sum(await question())));
    await window.click('#continue');
    assert.match(await window.text('main'), /nguyen\.anna@example\.com/);
    await window.look('register-sent');

    const mail = await place.message(EMAIL, '/register/confirm/');
    await window.go(/\S*\/register\/confirm\/\S*/.exec(mail.text)[0]);
    assert.equal(await window.value('phone'), '+84 912 345 678');
    assert.equal(await window.page.$eval('#factor-cipherpad', (choice) => choice.checked), true);
    await window.look('confirm');
    await window.click('#continue');
    assert.equal(await window.has('#activated'), false);
    await window.look('activate');
    await window.click('#resend');
    assert.match(await window.text('[role="status"]'), /wait a minute/);
    await window.look('activate-resend');

    const sms = await place.message('+84912345678', '/pad#c=');
    const pages = await browser.open();
    await pages.go(/\S*\/pad#c=\S*/.exec(sms.text)[0]);
    await pages.look('pad');
    await pad.activate(place.issuer, EMAIL, /#c=(\S*)/.exec(sms.text)[1]);
    await window.click('#check');
    assert.match(await window.text('#activated'), /nguyen\.anna@example\.com/);
    await window.look('activated');
  });

  step('the website learns who it is, refreshes, and signs out', async () => {
    const window = await browser.open();
    await window.go(place.website);
    await window.look('website');
    await window.fill('email', EMAIL);
    await window.click('#sign-in');

    const challenge = await window.challenge();
    await window.focuses('answer');
    const code = await window.page.$eval('.qr svg', (svg) => svg.getBoundingClientRect().toJSON());
    assert.ok(code.width >= 150 && code.height >= 150, JSON.stringify(code));
    await window.look('login-question');

    await window.fill('answer', '00000000');
    await window.click('#continue');
    assert.match(await window.text('#error'), /not accepted/);
    assert.equal(await window.challenge(), challenge, 'a wrong answer brings no new question');
    assert.equal(await window.value('answer'), '');
    await window.focuses('answer');
    await window.look('login-wrong-answer');

    await window.fill('answer', await pad.answer(challenge));
    await window.click('#continue');
    await window.look('consent');
    await window.click('#allow');
    assert.equal(await window.text('#name'), 'Anna Nguyễn');
    assert.equal(await window.text('#user-email'), EMAIL);
    assert.match(await window.text('#sub'), /^\S{8,}$/);
    assert.equal(await window.text('#acr'), 'urn:enum:acr:2');
    await window.look('website-signed-in');
    const cookies = await window.page.cookies(place.issuer);
    assert.ok(cookies.length > 0);
    for (const { name, httpOnly, sameSite } of cookies.filter(({ name }) => !['website-session', 'shop-basket'].includes(name))) {
      assert.ok(httpOnly && ['Lax', 'Strict'].includes(sameSite), `cookie ${name}: ${httpOnly}, ${sameSite}`);
    }

    for (const times of ['1', '2']) {
      await window.click('#refresh');
      assert.equal(await window.text('#refreshed'), times);
    }
    await window.click('#sign-out');
    await window.look('logout');
    await window.click('#logout-yes');
    assert.equal(await window.text('#signed-out'), 'You have signed out.');
    assert.equal(await window.has('#sign-in'), true);
    window.isContent();
  });

  step('a login needs no mouse', async () => {
    const { email, pad } = people.keyboard;
    const window = await browser.open();
    await window.go(place.website);
    await window.tabTo('sign-in');
    await window.enter();
    await window.focuses('email');
    await window.look('login-email');
    await window.page.keyboard.type(email);
    await window.enter();
    await window.focuses('answer');
    await window.page.keyboard.type(await pad.answer(await window.challenge()));
    await window.enter();
    await window.tabTo('allow');
    await window.enter();
    assert.equal(await window.text('#name'), 'Minh Pham');
    await window.tabTo('sign-out');
    await window.enter();
    await window.tabTo('logout-yes');
    await window.enter();
    assert.equal(await window.has('#signed-out'), true);
    window.isContent();
  });

  step('a login needs no scripts', async () => {
    const { email, pad } = people.scriptless;
    const window = await browser.open({ scripts: false });
    await window.go(place.website);
    await window.click('#sign-in');
    await window.fill('email', email);
    await window.click('#continue');
    await window.fill('answer', await pad.answer(await window.challenge()));
    await window.click('#continue');
    await window.click('#allow');
    assert.equal(await window.text('#name'), 'Иван Петров');
    await window.click('#sign-out');
    await window.click('#logout-yes');
    assert.equal(await window.has('#signed-out'), true);
    window.isContent();
  });

  step('wrong answers bring a new question, then a pause, and a new window does not end it', async () => {
    const { email, pad } = people.forgetful;
    const begin = async () => {
      const window = await browser.open();
      await window.go(place.website);
      await window.fill('email', email);
      await window.click('#sign-in');
      return window;
    };
    const window = await begin();
    const seen = new Set();
    for (let tries = 0; tries < 5; tries += 1) {
      seen.add(await window.challenge());
      await window.fill('answer', '00000000');
      await window.click('#continue');
      assert.equal(await window.has('#error'), true);
      if (tries === 2) await window.look('login-new-question');
    }
    assert.equal(seen.size, 2, 'three tries for each question');
    assert.match(await window.text('#error'), /blocked for 15 minutes/);
    await window.look('login-blocked');
    const mail = await place.message(email, '15 minutes');
    assert.match(mail.subject, /Wrong answers/);

    const other = await begin();
    await other.focuses('sum');
    assert.equal(await other.value('email'), email);
    await other.look('login-bot-check');
    await other.fill('sum', '99');
    await other.click('#continue');
    assert.match(await other.text('#error'), /not right/);
    await other.fill('sum', String(sum(await other.text('label[for="sum"]'))));
    await other.click('#continue');
    await other.fill('answer', await pad.answer(await other.challenge()));
    await other.click('#continue');
    assert.match(await other.text('#error'), /blocked for 15 minutes/, 'a right answer in the pause');
    other.isContent();
  });

  step('a person who says no gets back to the website without being signed in', async () => {
    const window = await browser.open();
    await window.go(place.website);
    await window.click('#sign-in');
    await window.click('#deny');
    assert.ok(window.page.url().startsWith(place.website), window.page.url());
    assert.match(await window.text('#detail'), /declined/);
  });

  step('a payment is confirmed for exactly this payee and amount', async () => {
    const window = await browser.open();
    await window.go(place.shop);
    await window.look('shop');
    await window.click('#buy-mug');
    assert.equal(await window.text('#amount'), '10.50 WMZ');
    await window.look('shop-order');
    await window.click('#pay');
    await shows(window, { amount: '10.50', currency: 'WMZ' });
    await window.look('payment-email');
    await window.fill('email', EMAIL);
    await window.click('#continue');

    await shows(window, { amount: '10.50', currency: 'WMZ' });
    const [purse, amount] = [await window.text('#pad-payee'), await window.text('#pad-amount')];
    assert.deepEqual([purse, amount], ['Z123456789012', '10.50']);
    const challenge = await window.challenge();
    await window.look('payment-question');

    for (const [what, answer] of [
      ['another amount', await pad.pay(challenge, purse, '10.51')],
      ['a login', await pad.answer(challenge)],
    ]) {
      await window.fill('answer', answer);
      await window.click('#continue');
      assert.match(await window.text('#error'), /not accepted/, `an answer for ${what}`);
      assert.equal(await window.challenge(), challenge);
      await shows(window, { amount: '10.50', currency: 'WMZ' });
    }
    await window.look('payment-wrong-answer');

    await window.fill('answer', await pad.pay(challenge, purse, amount));
    await window.click('#continue');
    await isPaid(window);
    assert.equal(await window.text('#acr'), 'urn:enum:acr:payment');
    await window.look('shop-paid');
    await proves(await window.text('#receipt'), { amount_minor: 1050, currency: 'WMZ', payee_account: purse });
  });

  step('a declined payment leaves the order unpaid, and it can be paid after all', async () => {
    const window = await browser.open();
    await window.go(place.shop);
    await window.click('#buy-tea');
    await window.click('#pay');
    await window.fill('email', EMAIL);
    await window.click('#continue');
    await shows(window, { amount: '450.00', currency: 'WMR' });
    await window.click('#deny');
    assert.equal(await window.text('#order-status'), 'declined');
    await window.look('shop-declined');

    await window.click('#pay');
    await window.fill('email', EMAIL);
    await window.click('#continue');
    await window.fill('answer', await pad.pay(await window.challenge(), await window.text('#pad-payee'), await window.text('#pad-amount')));
    await window.click('#continue');
    await isPaid(window);
  });

  step('pages speak the language that was chosen, and go on with what was begun', async () => {
    const window = await browser.open();
    const heading = async (url, language, text) => {
      await window.go(url);
      assert.equal(await window.page.$eval('html', (html) => html.lang), language);
      assert.equal(await window.text('h1'), text);
    };
    await heading(`${place.issuer}/register?lang=ru`, 'ru', 'Регистрация');
    await window.look('register-ru');
    await heading(`${place.issuer}/register`, 'ru', 'Регистрация');
    await heading(`${place.issuer}/register?lang=vi`, 'vi', 'Đăng ký');
    await window.look('register-vi');

    await window.go(place.website);
    await window.fill('email', EMAIL);
    await window.click('#sign-in');
    assert.equal(await window.text('h1'), 'Đăng nhập');
    const challenge = await window.challenge();
    await window.click('footer a[lang="ru"]');
    assert.equal(await window.text('h1'), 'Вход');
    assert.equal(await window.challenge(), challenge, 'a change of language asks no new question');
    await window.look('login-question-ru');
  });

  step('a dead end says what to do next', async () => {
    const window = await browser.open();
    // Here 404 and 400 are what is to be seen.
    window.expects(404, 400);
    await window.go(`${place.issuer}/register/nowhere`);
    await window.look('not-found');
    await window.go(`${place.issuer}/authorize?client_id=website&redirect_uri=https%3A%2F%2Fevil.example%2F&response_type=code`);
    assert.match(await window.text('[role="alert"]'), /has not registered/);
    await window.look('foreign-redirect');
  });

  /** The page shows this payment, to the shop. */
  async function shows(window, { amount, currency }) {
    assert.equal(await window.text('#payment-amount'), amount);
    assert.equal(await window.text('#payment-currency'), currency);
    assert.equal(await window.text('#payment-payee'), 'Demo Shop');
  }

  async function isPaid(window) {
    const detail = (await window.has('#detail')) ? await window.text('#detail') : '';
    assert.deepEqual([await window.text('#order-status'), detail], ['paid', '']);
  }

  /** An independent library verifies the receipt with the published keys. */
  async function proves(receipt, transaction) {
    const keys = createRemoteJWKSet(new URL(`${place.issuer}/jwks`));
    const { payload } = await jwtVerify(receipt, keys, { issuer: place.issuer, audience: 'shop', requiredClaims: ['jti'] });
    for (const [name, value] of Object.entries(transaction)) assert.equal(payload.transaction[name], value, name);
    const at = receipt.lastIndexOf('.') - 2;
    const altered = receipt.slice(0, at) + (receipt[at] === 'A' ? 'B' : 'A') + receipt.slice(at + 1);
    await assert.rejects(jwtVerify(altered, keys), { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' });
  }
});
