// What a person sees when something about their proof is unusual.

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';

import { Browser } from './support/browser.mjs';
import { Place, stepsAt } from './support/place.mjs';
import { eventually, output } from './support/programs.mjs';
import { Visitor, logIn } from './support/visitor.mjs';

const EMAIL = 'linh@example.com';

describe('something unusual', { timeout: 300_000 }, () => {
  let place, browser, window, person;

  before(async () => {
    place = await Place.make(['libcipherpad.so', 'libemail_factor.so', 'libmerchant.so']);
    [browser] = await Promise.all([Browser.launch(), place.serveAll()]);
    person = await place.person(EMAIL);
    window = await browser.open();
  });

  after(async () => {
    await Promise.allSettled([browser?.close(), place?.end()]);
  });

  const step = stepsAt(() => place);

  const cli = (...args) => output('enum-idp', [...args, '--config', place.at('enum.toml')]);

  const rules = (risk) => cli('policy', 'set', place.write('policy.json', JSON.stringify({ risk })));

  /** The page of a form that was answered, at an address of its own: that is where it can be seen in every language. */
  const opensAgain = async () => window.go(await window.page.$eval('form', (form) => form.action));

  const answers = async () => {
    await window.fill('answer', await person.pad.answer(await window.challenge()));
    await window.click('#continue');
  };

  step('an account with two methods is used at home', async () => {
    const home = new Visitor(place.issuer);
    await logIn(home, `${place.issuer}/account`, person);
    assert.match(home.text(), /linh@example\.com/);
    const told = JSON.parse(await cli('account', 'enrol', '--json', '--factor', 'email', '--email', EMAIL));
    const setup = new Visitor(place.issuer);
    await setup.go(told.link);
    await setup.press('continue', { answer: told.code });
    assert.match(setup.html, /id="activated"/);
  });

  step('a new browser is asked for the stronger one, and told why', async () => {
    await rules({ new_device: { notify: true, acr: 'urn:enum:acr:2' } });
    const asks = async () => {
      const stranger = new Visitor(place.issuer);
      await stranger.go('/account');
      await stranger.press('continue', { email: EMAIL });
      return stranger.html.includes('id="raised"');
    };
    await eventually(asks, 20_000, () => 'the provider does not go by the policy');
    await window.go(`${place.issuer}/account`);
    await window.fill('email', EMAIL);
    await window.click('#continue');
    assert.match(await window.text('#raised'), /stronger method/);
    await opensAgain();
    await window.look('risk-asked');
    await answers();
    assert.equal(await window.text('#account-email'), EMAIL);
    const mail = await place.message(EMAIL, 'not used in this browser before');
    assert.match(mail.text, /Chrome · Linux/);
  });

  step('known browsers are seen and forgotten', async () => {
    await window.go(`${place.issuer}/account/sessions`);
    assert.ok(await window.has('#forget-2'));
    await window.look('account-browsers');
    const mine = await window.page.$$eval('#browsers ~ ul > li', (cards) =>
      cards.findIndex((card) => card.querySelector('.mark')) + 1);
    await window.click(`#forget-${mine}`);
    assert.ok(await window.has('#notice'));
    assert.equal(await window.has('#forget-2'), false);
  });

  step('where the policy lets no new browser in, the page says so', async () => {
    await rules({ new_device: { acr: 'phr', otherwise: 'refuse' } });
    await eventually(async () => {
      const stranger = new Visitor(place.issuer);
      await stranger.go('/account');
      await stranger.press('continue', { email: EMAIL });
      return !stranger.html.includes('id="raised"');
    }, 20_000, () => 'the provider does not go by the policy');
    await window.click('#sign-out');
    await window.click('#logout-yes');
    await window.go(`${place.issuer}/account`);
    await window.fill('email', EMAIL);
    await window.click('#continue');
    await window.click('#factor-cipherpad');
    await answers();
    assert.match(await window.text('#raised'), /do not let a new browser in/);
    await opensAgain();
    await window.look('risk-refused');
  });
});
