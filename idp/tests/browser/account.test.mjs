// The personal area in a real browser: sign in by pad, look at the log, add an address, end a session.

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';

import { Browser } from './support/browser.mjs';
import { Place, stepsAt } from './support/place.mjs';
import { eventually } from './support/programs.mjs';
import { Visitor, logIn } from './support/visitor.mjs';

const EMAIL = 'linh@example.com';
const SECOND = 'linh.tran@example.org';

describe('the personal area', { timeout: 300_000 }, () => {
  let place, browser, window, person;

  before(async () => {
    place = await Place.make(['libcipherpad.so', 'libsms_factor.so', 'libmerchant.so']);
    [browser] = await Promise.all([Browser.launch(), place.serveAll()]);
    person = await place.person(EMAIL);
    window = await browser.open();
  });

  after(async () => {
    await Promise.allSettled([browser?.close(), place?.end()]);
  });

  const step = stepsAt(() => place);

  const answers = async () => {
    await window.fill('answer', await person.pad.answer(await window.challenge()));
    await window.click('#continue');
  };

  step('it opens by a proof with the pad, asked for from the home page', async () => {
    await window.go(place.issuer);
    await window.click('#account');
    await window.fill('email', EMAIL);
    await window.click('#continue');
    await answers();
    assert.equal(new URL(window.page.url()).pathname, '/account');
    assert.equal(await window.text('#account-email'), EMAIL);
    await window.look('account');
  });

  step('the log shows the sign-in, filters and is taken away', async () => {
    await window.click('a[href="/account/log"]');
    assert.match(await window.text('main'), /Sign-in/);
    await window.look('account-log');
    await window.page.select('#kind', 'payment');
    await window.click('#show');
    assert.ok(await window.has('#nothing'));
    assert.equal(await window.value('kind'), 'payment');
    await window.page.select('#kind', 'login');
    await window.click('#show');
    // The page's own policy lets no script of its window connect anywhere.
    const cookie = (await window.page.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
    const reply = await fetch(await window.page.$eval('#csv', (link) => link.href), { headers: { cookie } });
    const csv = await reply.text();
    assert.match(csv, /"login","ok"/);
  });

  step('a further address is confirmed by its link', async () => {
    await window.go(`${place.issuer}/account/emails`);
    await window.look('account-emails');
    assert.equal(await window.has('#new-email'), true, 'the proof is fresh');
    await window.fill('new-email', SECOND);
    await window.click('#add');
    const mail = await place.message(SECOND, '/account/emails/confirm/');
    await window.go(/\S*\/account\/emails\/confirm\/\S*/.exec(mail.text)[0]);
    await window.look('account-email-confirm');
    await window.click('#confirm');
    assert.match(await window.text('main'), new RegExp(SECOND.replaceAll('.', '\\.')));
    await place.message(EMAIL, SECOND);
  });

  step('methods can be renamed, and the only one cannot be taken away', async () => {
    await window.go(`${place.issuer}/account/methods`);
    await window.look('account-methods');
    await window.fill('label-1', 'My phone');
    await window.tabTo('rename-1');
    await window.enter();
    assert.match(await window.text('#notice'), /changed/);
    assert.ok(await window.has('#last-way'));
    assert.equal(await window.has('#remove-1'), false);
  });

  step('recovery codes are made, shown once, and printed', async () => {
    await window.go(`${place.issuer}/account/codes`);
    assert.ok(await window.has('#none'));
    await window.look('account-codes-none');
    let before = [];
    for (const language of ['ru', 'vi', 'en']) {
      await window.go(`${place.issuer}/account/codes?lang=${language}`);
      await window.tabTo('make');
      await window.enter();
      const codes = (await window.text('#codes')).split(/\s+/);
      assert.equal(codes.length, 10);
      for (const code of codes) assert.ok(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/.test(code) && !before.includes(code), code);
      assert.equal(new URL(window.page.url()).pathname, '/account/codes/make');
      await window.look(`account-codes-new-${language}`);
      before = codes;
    }
    const { pages, text, left, size } = await window.onPaper('account-codes-paper', '#codes code', ['.places', '.skip', 'footer', '#print', '#done']);
    assert.equal(pages, 1);
    assert.deepEqual(left, []);
    assert.ok(size >= 24, `codes are ${size} px high`);
    for (const part of ['E-num', new URL(place.issuer).host, '/recover', /Made\s+\d{4}-\d\d-\d\d/, ...before]) {
      assert.ok(part instanceof RegExp ? part.test(text) : text.includes(part), `${part} is not on the paper: ${text}`);
    }
    assert.ok(!text.includes(EMAIL), 'whoever finds the paper does not learn whose it is');
    await window.click('#done');
    assert.equal(await window.text('#left'), '10 of 10');
    const shown = await window.text('main');
    assert.ok(before.every((code) => !shown.includes(code)));
    await window.look('account-codes');
    await place.messages(SECOND, 'New recovery codes were made', 3);
  });

  step('what messages cost is shown, and what was charged', async () => {
    const { link, code } = await place.adds(EMAIL, 'sms');
    const elsewhere = await browser.open();
    await elsewhere.go(link);
    await elsewhere.fill('answer', code);
    await elsewhere.click('#continue');
    await window.go(`${place.issuer}/account/fees`);
    assert.match(await window.text('#free-1'), /5 of 5/);
    assert.match(await window.text('#prices-1'), /WMZ\s+0\.05\u00a0WMZ/);
    await window.look('account-fees-none');

    await elsewhere.go(place.shop);
    await elsewhere.click('#buy-mug');
    await elsewhere.click('#pay');
    await elsewhere.fill('email', EMAIL);
    await elsewhere.click('#continue');
    await elsewhere.click('#factor-sms');
    await elsewhere.click('#accept');
    const { text } = await place.message('+84912345679', '@localhost #');
    await elsewhere.fill('answer', /\n@localhost #(\d{6})$/.exec(text)[1]);
    await elsewhere.click('#continue');
    assert.equal(await elsewhere.text('#order-status'), 'paid');
    // The charge is settled when the courier has written down that the message went out.
    await eventually(async () => {
      await window.go(`${place.issuer}/account/fees`);
      return (await window.has('#totals')) && /0\.05\s+0\.00\s+0\.05/.test(await window.text('#totals'));
    }, 10_000, () => 'nothing was charged');
    assert.match(await window.text('#fees'), /0\.05\u00a0WMZ.*charged/s);
    await window.look('account-fees');
  });

  step('another number is proven by the code that comes to it', async () => {
    await window.go(`${place.issuer}/account/phone`);
    await window.look('account-phone');
    await window.fill('new-phone', '+84 912 345 680');
    await window.click('#send');
    const { text } = await place.message('+84912345680', 'E-num');
    const [, code] = /\n@localhost #(\d{6})$/.exec(text);
    assert.equal(await window.page.$eval('#code', (field) => field.autocomplete), 'one-time-code');
    await window.look('account-phone-code');
    await window.fill('code', code);
    await window.tabTo('confirm');
    await window.enter();
    assert.match(await window.text('#notice'), /number is changed/);
    assert.equal(await window.text('#account-phone'), '+84 912 345 680');
    await window.look('account-phone-new');
    const mail = await place.message(SECOND, '/account/phone/restore/');
    await window.go(/\S*\/account\/phone\/restore\/\S*/.exec(mail.text)[0]);
    await window.look('account-phone-restore');
  });

  step('what is told is chosen, and the next sign-in is told', async () => {
    await window.go(`${place.issuer}/account/notices`);
    if (await window.has('#prove')) {
      await window.look('account-notices-closed');
      await window.click('#prove');
      await answers();
    }
    await window.look('account-notices');
    assert.equal(await window.value('payment_failed-mail'), 'main');
    assert.ok(await window.has('#always'));
    await window.page.select('#login-mail', 'all');
    await window.tabTo('save');
    await window.enter();
    assert.match(await window.text('#notice'), /changed/);
    assert.equal(await window.value('login-mail'), 'all');
    await place.message(SECOND, 'of which sign-ins and payments');
  });

  step('a session elsewhere is seen and ended', async () => {
    const elsewhere = new Visitor(place.issuer);
    await elsewhere.go(`${place.issuer}/account`);
    await logIn(elsewhere, `${place.issuer}/account`, { email: SECOND, pad: person.pad });
    assert.match(elsewhere.text(), new RegExp(EMAIL));
    const told = await place.message(SECOND, 'somebody signed in to your account');
    assert.match(told.text, /127\.0\.0\.1/);
    await window.go(`${place.issuer}/account/sessions`);
    assert.match(await window.text('main'), /Chrome · Linux/);
    await window.look('account-sessions');
    await window.click('#end-2');
    assert.equal(await window.has('#end-2'), false);
    await elsewhere.go(`${place.issuer}/account`);
    assert.doesNotMatch(elsewhere.text(), /Account since/);
  });

  step('websites, profile and data are there', async () => {
    for (const page of ['access', 'profile', 'data']) {
      await window.go(`${place.issuer}/account/${page}`);
      await window.look(`account-${page}`);
    }
  });

  step('the account is to be deleted, which its owner stops', async () => {
    await window.go(`${place.issuer}/account/data`);
    // The proof that changed the number may have grown old by now.
    if (await window.has('#prove')) {
      await window.click('#prove');
      await answers();
    }
    await window.fill('delete-email', EMAIL);
    await window.tabTo('delete');
    await window.enter();
    assert.match(await window.text('#notice'), /will be deleted/);
    await window.look('account-leaving');
    const mail = await place.message(SECOND, '/account/keep/');
    await window.go(/\S*\/account\/keep\/\S*/.exec(mail.text)[0]);
    await window.look('account-keep');
    await window.go(`${place.issuer}/account`);
    assert.ok(await window.has('#leaving'));
    await window.go(`${place.issuer}/account/data`);
    await window.click('#keep');
    assert.match(await window.text('#notice'), /is kept/);
    assert.equal(await window.has('#leaving'), false);
  });

  step('signing out closes it', async () => {
    await window.click('#sign-out');
    await window.click('#logout-yes');
    await window.go(`${place.issuer}/account`);
    assert.ok(await window.has('#email'));
    window.expects(403);
    await window.click('#deny');
    await window.look('account-closed');
  });
});
