// Lost access in a real browser: the question, the mailed link, the waiting time, the stop, and a recovery code.

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';

import { Browser } from './support/browser.mjs';
import { Place, stepsAt } from './support/place.mjs';
import { output } from './support/programs.mjs';
import { sum } from './support/visitor.mjs';

const EMAIL = 'hoang.lan@example.com';
const PHONE = '+84912345670';

describe('lost access in a browser', { timeout: 240_000 }, () => {
  let place, browser, pad;

  before(async () => {
    place = await Place.make();
    browser = await Browser.launch();
    place.configure({ limits: { recovery_wait_hours: 24 } });
    await place.serve();
    pad = place.pad('lan');
  });

  after(async () => {
    await Promise.allSettled([browser?.close(), place?.end()]);
  });

  const step = stepsAt(() => place);
  const adds = async (window) => window.fill('sum', String(sum(await window.text('label[for="sum"]'))));
  const link = (text, path) => new RegExp(`\\S*${path}\\S*`).exec(text)[0];

  /** From the home page to the security question. */
  async function asks(window) {
    await window.go(place.issuer);
    await window.click('a[href="/recover"]');
    await window.fill('email', EMAIL);
    await adds(window);
    await window.click('#continue');
  }

  /** Up to the page that waits for the pad. */
  async function registers(window, email, phone) {
    await window.go(`${place.issuer}/register`);
    const filled = { first_name: 'Lan', last_name: 'Hoàng', email, phone, security_answer: 'Mực' };
    for (const [id, text] of Object.entries(filled)) await window.fill(id, text);
    await adds(window);
    await window.click('#continue');
    const mail = await place.message(email, '/register/confirm/');
    await window.go(link(mail.text, '/register/confirm/'));
    await window.click('#continue');
  }

  step('somebody registers with a security question', async () => {
    const window = await browser.open();
    await registers(window, EMAIL, PHONE);
    const sms = await place.message(PHONE, '/pad#c=');
    await pad.activate(place.issuer, EMAIL, /#c=(\S*)/.exec(sms.text)[1]);
    window.isContent();
  });

  step('the question leads to a mail, the mail to a waiting time, and the owner stops it', async () => {
    const window = await browser.open();
    await window.go(`${place.issuer}/recover`);
    await window.look('recover');
    await window.fill('email', 'nobody');
    await window.click('#continue');
    assert.equal(await window.has('#email-error'), true);
    await window.look('recover-wrong');

    await asks(window);
    await window.focuses('security_answer');
    assert.match(await window.text('label[for="security_answer"]'), /first pet/);
    await window.look('recover-question');
    await window.fill('security_answer', 'MỰC!');
    await window.click('#continue');
    assert.match(await window.text('#recover-sent'), /If that was right/);
    await window.look('recover-sent');

    const mail = await place.message(EMAIL, '/recover/link/');
    await window.go(link(mail.text, '/recover/link/'));
    assert.match(await window.text('#phone'), /670$/);
    assert.match(await window.text('#recover-left'), /3 of 3/);
    await window.look('recover-link');
    await window.click('#continue');
    assert.equal(await window.has('#recover-waiting'), true);
    await window.look('recover-waiting');

    const sms = await place.message(PHONE, '/recover/stop/');
    const notice = await place.message(EMAIL, '/recover/stop/');
    assert.equal(link(sms.text, '/recover/stop/'), link(notice.text, '/recover/stop/'));
    const owner = await browser.open();
    await owner.go(link(sms.text, '/recover/stop/'));
    await owner.look('recover-stop');
    await owner.click('#stop');
    await owner.look('recover-stopped');
    window.expects(410);
    await window.click('#check');
    assert.equal(await window.has('[role="alert"]'), true);
  });

  step('a recovery code opens what is locked, at once and once', async () => {
    const told = await output('enum-idp', ['account', 'recovery-codes', EMAIL, '--json', '--config', place.at('enum.toml')]);
    const { codes } = JSON.parse(told);
    const window = await browser.open({ scripts: false });
    await asks(window);
    await window.fill('code', codes[0].toLowerCase());
    await window.click('#use-code');
    const mail = await place.message(EMAIL, 'you gave a recovery code');
    await window.go(link(mail.text, '/recover/link/'));
    assert.match(await window.text('main'), /at once/);
    await window.click('#continue');
    await place.message(EMAIL, 'All earlier methods have ended');
    const sent = await place.messages(PHONE, '/pad#c=', 2);
    await place.pad('lan-again').activate(place.issuer, EMAIL, /#c=(\S*)/.exec(sent.at(-1).text)[1]);
    await window.click('#check');
    assert.match(await window.text('#activated'), /hoang\.lan@example\.com/);
    window.isContent();
  });

  step('whoever has forgotten the activation code gets another one', async () => {
    const [email, phone] = ['mai.lan@example.com', '+84912345671'];
    const window = await browser.open();
    await registers(window, email, phone);
    await place.message(phone, '/pad#c=');
    await window.go(`${place.issuer}/pad`);
    await window.click('a[href="/recover/pad"]');
    await window.look('recover-pad');
    await window.fill('email', email);
    await adds(window);
    await window.click('#continue');
    assert.match(await window.text('#recover-sent'), /a message is on its way/);
    await window.look('recover-pad-sent');

    const mail = await place.message(email, '/recover/link/');
    await window.go(link(mail.text, '/recover/link/'));
    assert.match(await window.text('#phone'), /671$/);
    assert.equal(await window.has('#factor-cipherpad'), false);
    await window.look('recover-pad-link');
    await window.click('#continue');
    const sent = await place.messages(phone, '/pad#c=', 2);
    await place.pad('mai').activate(place.issuer, email, /#c=(\S*)/.exec(sent.at(-1).text)[1]);
    await window.click('#check');
    assert.match(await window.text('#activated'), /mai\.lan@example\.com/);
    window.isContent();
  });

  step('whoever has lost mail and phone asks support, and two administrators approve', async () => {
    const [email, contact] = ['mai.lan@example.com', 'mai.new@example.com'];
    const window = await browser.open();
    await window.go(`${place.issuer}/recover`);
    await window.click('a[href="/recover/support"]');
    await window.look('recover-support');
    await window.fill('email', email);
    await window.click('#continue');
    assert.equal(await window.has('#evidence-error'), true);
    await window.look('recover-support-wrong');
    const filled = { contact, phone: '+84912345672', evidence: 'I registered a minute ago and have paid nothing yet.' };
    for (const [id, text] of Object.entries(filled)) await window.fill(id, text);
    await adds(window);
    await window.click('#continue');
    assert.match(await window.text('#support-sent'), /mai\.new@example\.com/);
    await window.look('recover-support-sent');
    await place.message(email, 'told support');

    const support = async (...args) =>
      JSON.parse(await output('enum-idp', ['support', ...args, '--json', '--config', place.at('enum.toml')]));
    const [request] = await support('list');
    assert.equal((await support('show', request.id)).evidence, filled.evidence);
    assert.equal((await support('approve', request.id, '--as', 'olga')).status, 'open');
    assert.equal((await support('approve', request.id, '--as', 'pavel')).status, 'approved');
    // Commands leave their messages to the server, which looks for them when it has something to send itself.
    await window.go(`${place.issuer}/recover/pad`);
    await window.fill('email', email);
    await adds(window);
    await window.click('#continue');
    await place.message(contact, 'support believes you');
    const notice = await place.message(email, 'two people believed it');
    await window.go(link(notice.text, '/recover/stop/'));
    await window.click('#stop');
    assert.equal(await window.has('#recover-stopped'), true);
    window.isContent();
  });
});
