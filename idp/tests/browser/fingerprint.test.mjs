// Fingerprints and passkeys in a real browser, with its virtual authenticator.

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';

import { Authenticator } from './support/authenticator.mjs';
import { Browser } from './support/browser.mjs';
import { Place, stepsAt } from './support/place.mjs';
import { eventually } from './support/programs.mjs';

const EMAIL = 'linh@example.com';

describe('with a finger', { timeout: 240_000 }, () => {
  let place, browser, window, reader;

  before(async () => {
    place = await Place.make(['libfingerprint_factor.so', 'libcipherpad.so', 'libmerchant.so']);
    [browser] = await Promise.all([Browser.launch(), place.serveAll()]);
    window = await browser.open();
    reader = await Authenticator.in(window);
  });

  after(async () => {
    await Promise.allSettled([browser?.close(), place?.end()]);
  });

  const step = stepsAt(() => place);

  /** Presses the button where that leads nowhere, and gives what the page says. */
  const trouble = async () => {
    await window.page.click('#continue');
    const said = () => window.page.$eval('#trouble', (line) => !line.hidden && line.innerText !== '');
    await eventually(said, 20_000, () => 'no word of trouble');
    return window.text('#trouble');
  };

  step('somebody sets up a finger by link', async () => {
    await window.go(await place.invited(EMAIL, 'fingerprint'));
    assert.notEqual(await window.value('name'), '', 'the platform suggests a name');
    await window.look('finger-set-up');
    await reader.recognises(false);
    assert.match(await trouble(), /did not recognise you/);
    await window.look('finger-set-up-not-recognised');
    await reader.recognises(true);
    await window.fill('name', 'Left thumb');
    await window.click('#continue');
    assert.match(await window.text('#activated'), /linh@example\.com/);
    const [credential] = await reader.credentials();
    assert.equal(credential.rpId, 'localhost');
    assert.equal(credential.isResidentCredential, true);
    assert.ok(!Buffer.from(credential.userHandle, 'base64').toString().includes('@'), 'the handle is opaque');
  });

  step('the same finger is not set up twice', async () => {
    await window.go(await place.enrols(EMAIL, 'fingerprint'));
    assert.match(await trouble(), /set up already/);
    await window.look('finger-set-up-twice');
    assert.equal((await reader.credentials()).length, 1);
  });

  step('she signs in at the website', async () => {
    await window.go(place.website);
    await window.fill('email', EMAIL);
    await window.click('#sign-in');
    await window.focuses('continue');
    await window.look('finger-sign-in');
    await reader.recognises(false);
    assert.match(await trouble(), /did not recognise you/);
    await window.look('finger-sign-in-not-recognised');
    await window.focuses('continue');
    await reader.recognises(true);
    await window.enter();
    await window.click('#allow');
    assert.equal(await window.text('#user-email'), EMAIL);
    assert.equal(await window.text('#acr'), 'phr');
    const [{ signCount }] = await reader.credentials();
    assert.equal(signCount, 2, 'one for the new key, one for the answer');
  });

  step('she approves a payment', async () => {
    await window.go(place.shop);
    await window.click('#buy-mug');
    await window.click('#pay');
    assert.equal(await window.text('#payment-amount'), '10.50');
    await window.look('finger-payment');
    await window.click('#continue');
    assert.equal(await window.text('#acr'), 'urn:enum:acr:payment');
    assert.ok(await window.has('#receipt'), await window.text('main'));
  });

  step('an unknown address is asked for a finger too', async () => {
    const stranger = await browser.open();
    await stranger.go(place.website);
    await stranger.fill('email', 'nobody@example.com');
    await stranger.click('#sign-in');
    await stranger.focuses('continue');
    const options = JSON.parse(await stranger.page.$eval('#webauthn', (place) => place.dataset.options));
    assert.ok(options.allowCredentials.length >= 1);
    stranger.isContent();
  });

  step('without scripts the page says what to do', async () => {
    const scriptless = await browser.open({ scripts: false });
    await scriptless.go(place.website);
    await scriptless.fill('email', EMAIL);
    await scriptless.click('#sign-in');
    assert.match(await scriptless.text('main'), /needs JavaScript/);
    assert.equal(await scriptless.page.$eval('#continue', (button) => button.checkVisibility()), false);
    assert.ok(await scriptless.has('#other'));
    scriptless.isContent();
  });
});
