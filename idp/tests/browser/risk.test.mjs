// What a person sees when something about their proof is unusual.

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';

import { city, draw } from './support/atlas.mjs';
import { Browser } from './support/browser.mjs';
import { Place, stepsAt } from './support/place.mjs';
import { eventually, output } from './support/programs.mjs';
import { Visitor, logIn } from './support/visitor.mjs';

const EMAIL = 'linh@example.com';
const HANOI = city({ en: 'Hanoi', ru: 'Ханой' }, 'VN', { en: 'Vietnam', ru: 'Вьетнам' }, [21.03, 105.85]);
const NEW_YORK = city({ en: 'New York', ru: 'Нью-Йорк' }, 'US', { en: 'United States', ru: 'США' }, [40.71, -74.01]);

describe('something unusual', { timeout: 300_000 }, () => {
  let place, browser, window, person;

  before(async () => {
    place = await Place.make(['libcipherpad.so', 'libemail_factor.so', 'libmerchant.so']);
    draw(place.at('places.mmdb'), HANOI, 1_790_000_000);
    const places = { database: place.at('places.mmdb') };
    [browser] = await Promise.all([Browser.launch(), place.serveAll({ places })]);
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
    await rules({ new_device: { notify: true, acr: 'urn:enum:acr:2' }, new_place: { acr: 'urn:enum:acr:2' } });
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
    assert.match(mail.text, /127\.0\.0\.1 \(Hanoi, Vietnam\)/);
  });

  step('somebody in another country is asked for the stronger one, and told why and where', async () => {
    draw(place.at('places.mmdb'), NEW_YORK, 1_790_000_001);
    const followed = async () => (await (await fetch(`${place.issuer}/metrics`)).text()).includes('places_built 1790000001');
    await eventually(followed, 20_000, () => 'the provider does not read the file again');
    await window.click('#sign-out');
    await window.click('#logout-yes');
    await window.go(`${place.issuer}/account`);
    await window.fill('email', EMAIL);
    await window.click('#continue');
    assert.equal(await window.has('#raised'), false);
    await window.click('#factor-email');
    const { text } = await place.message(EMAIL, 'code');
    await window.fill('answer', /\b(\d{6})\b/.exec(text)[1]);
    await window.click('#continue');
    assert.match(await window.text('#raised'), /not used at this place before.*New York, United States/);
    await opensAgain();
    await window.look('risk-place');
    await answers();
    assert.equal(await window.text('#account-email'), EMAIL);
    await window.go(`${place.issuer}/account/log`);
    assert.match(await window.text('main'), /127\.0\.0\.1 \(New York, United States\) · new place/);
    await window.look('account-log-places');
    await window.go(`${place.issuer}/account/sessions`);
    assert.match(await window.text('main'), /127\.0\.0\.1 \(New York, United States\)/);
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
