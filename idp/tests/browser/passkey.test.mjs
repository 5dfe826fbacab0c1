// Signing in without typing: the browser suggests the passkey, or the button asks for it.

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';

import { Authenticator } from './support/authenticator.mjs';
import { Browser } from './support/browser.mjs';
import { Place, stepsAt } from './support/place.mjs';
import { eventually } from './support/programs.mjs';

const EMAIL = 'linh@example.com';

describe('with a passkey', { timeout: 240_000 }, () => {
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

  /** From the website to the page that asks who somebody is. */
  const arrives = async (at = window) => {
    await at.go(place.website);
    await at.click('#sign-in');
    await at.focuses('email');
  };

  /** What a page has after however many others, which may go away while it is looked at. */
  const eventuallyHas = (...selectors) => {
    const look = async () => {
      try {
        for (const selector of selectors) if (await window.has(selector)) return true;
      } catch (error) {
        if (!/context|navigat|detached|belong to the document/i.test(error.message)) throw error;
      }
      return false;
    };
    return eventually(look, 20_000, () => `no ${selectors} at ${window.page.url()}`);
  };

  const isSignedIn = async () => {
    await eventuallyHas('#allow', '#user-email');
    if (await window.has('#allow')) await window.click('#allow');
    assert.equal(await window.text('#user-email'), EMAIL);
    assert.equal(await window.text('#acr'), 'phr');
  };

  /** As somebody who closes the window and comes back another day. */
  const leaves = async () => {
    await window.go(`${place.issuer}/logout`);
    await window.click('#logout-yes');
    await window.page.deleteCookie(...(await window.page.cookies(place.website)));
  };

  step('somebody sets up a passkey by link', async () => {
    await window.go(await place.invited(EMAIL, 'fingerprint'));
    await window.click('#continue');
    const [credential] = await reader.credentials();
    assert.equal(credential.isResidentCredential, true);
    await reader.touches(false);
  });

  step('the page offers it, in every language, and is reached by keyboard', async () => {
    await arrives();
    assert.equal(await window.page.$eval('#email', (field) => field.autocomplete), 'username webauthn');
    assert.ok(await window.page.$eval('#use-passkey', (button) => button.checkVisibility()));
    await window.look('passkey-offered');
  });

  step('she takes what the browser suggests, and is in without having typed anything', async () => {
    // Who is not there yet when the page asks is not waited for by the virtual reader.
    await reader.touches(true);
    await window.go(place.website);
    await window.click('#sign-in');
    await isSignedIn();
    await reader.touches(false);
    const [{ signCount }] = await reader.credentials();
    assert.equal(signCount, 2, 'one for the new key, one for the answer');
    await leaves();
  });

  step('she presses the button by keyboard, while the browser is still waiting with its suggestion', async () => {
    await arrives();
    await window.tabTo('use-passkey');
    await reader.touches(true);
    await window.page.keyboard.press('Enter');
    await isSignedIn();
    await reader.touches(false);
    await leaves();
  });

  step('the address is sent while the browser waits, and is what counts', async () => {
    await arrives();
    await window.fill('email', EMAIL);
    await window.enter();
    await window.focuses('continue');
    assert.equal(await window.page.$eval('#webauthn', (place) => place.dataset.do), 'get');
    window.isContent();
  });

  step('a reader that does not recognise her says so, and the page works on', async () => {
    await arrives();
    await reader.recognises(false);
    await reader.touches(true);
    // What the browser suggests by itself fails in silence.
    await window.page.click('#use-passkey');
    const said = () => window.page.$eval('#trouble', (line) => !line.hidden && line.innerText !== '');
    await eventually(said, 20_000, () => 'no word of trouble');
    assert.match(await window.text('#trouble'), /type your e-mail address/);
    await reader.touches(false);
    await window.look('passkey-not-recognised');
    await reader.recognises(true);
    await reader.touches(true);
    await window.page.click('#use-passkey');
    await isSignedIn();
    await reader.touches(false);
    await leaves();
  });

  step('a passkey that the provider has forgotten signs nobody in, and the page says what to do', async () => {
    await place.forgets(EMAIL, 'fingerprint');
    // In a browser that has no suggestions, but the button.
    await window.page.evaluateOnNewDocument(() => delete globalThis.PublicKeyCredential?.isConditionalMediationAvailable);
    await reader.touches(true);
    await arrives();
    await window.click('#use-passkey');
    assert.match(await window.text('#error'), /Nobody was signed in/);
    await window.look('passkey-unknown');
  });

  step('without scripts, or without passkeys, the page asks for the address and nothing else', async () => {
    const scriptless = await browser.open({ scripts: false });
    const unable = await browser.open();
    await unable.page.evaluateOnNewDocument(() => delete globalThis.PublicKeyCredential);
    for (const other of [scriptless, unable]) {
      await arrives(other);
      assert.equal(await other.page.$eval('#use-passkey', (button) => button.checkVisibility()), false);
      await other.fill('email', EMAIL);
      await other.click('#continue');
      assert.ok(await other.has('#other') || await other.has('#webauthn') || await other.has('#challenge'));
      other.isContent();
    }
  });
});
