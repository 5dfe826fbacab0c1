// A desktop's fingerprint reader by enum-bridge: the real program, the real fprintd with a virtual reader, and a browser that
// takes the provider for a site of the internet, so that it asks before a page may reach this computer.

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';

import { Browser } from './support/browser.mjs';
import { Desktop } from './support/desktop.mjs';
import { Place, stepsAt } from './support/place.mjs';
import { eventually } from './support/programs.mjs';

const EMAIL = 'linh@example.com';

describe('with enum-bridge', { timeout: 240_000 }, () => {
  let place, desktop, bridge, browser, protocol, window;

  before(async () => {
    [place, desktop] = await Promise.all([
      Place.make(['libfingerprint_factor.so', 'libcipherpad.so', 'libmerchant.so']), Desktop.start(),
    ]);
    await desktop.enrol('right-index-finger', 'mine');
    bridge = await desktop.bridge(place.issuer);
    const [path, sha256] = place.plugins[0].split('@');
    place.plugins[0] = { path, sha256, settings: { bridge_port: bridge.port } };
    const isPublic = `--ip-address-space-overrides=127.0.0.1:${place.ports[0]}=public`;
    [browser] = await Promise.all([Browser.launch([isPublic]), place.serveAll()]);
    window = await browser.open();
    // What it sets lasts as long as it does.
    protocol = await browser.chromium.target().createCDPSession();
    // Requests that the browser or the bridge refuses are what this is about.
    window.overlooks(`http://127.0.0.1:${bridge.port}/`);
  });

  after(async () => {
    await Promise.allSettled([browser?.close(), place?.end(), desktop?.end()]);
  });

  const step = stepsAt(() => place);

  /** Allows or refuses the provider the way to this computer; `prompt`: nobody has answered the browser's question. */
  const permits = async (setting) => {
    const browserContextId = window.page.browserContext().id;
    const permission = { name: 'loopback-network' };
    await protocol.send('Browser.setPermission', { permission, setting, origin: place.issuer, browserContextId });
  };

  const opens = async () => {
    if (!(await window.page.$eval('#bridge', (details) => details.open))) await window.page.click('#bridge summary');
  };

  /** Presses the bridge's button where that leads nowhere, and gives what the page says. */
  const trouble = async () => {
    await opens();
    await window.page.click('#use-bridge');
    return said();
  };

  const said = async () => {
    const look = () => window.page.$eval('#trouble', (line) => !line.hidden && line.innerText !== '');
    await eventually(look, 20_000, () => 'no word of trouble');
    await window.focuses('use-bridge');
    return window.text('#trouble');
  };

  /** Presses it and lays a finger on the reader. */
  const touches = async (print) => {
    await opens();
    await Promise.all([window.page.waitForNavigation(), window.page.click('#use-bridge'), desktop.touch(print)]);
  };

  const signsIn = async () => {
    await window.go(place.website);
    await window.fill('email', EMAIL);
    await window.click('#sign-in');
    await window.focuses('continue');
  };

  step('the page says what the browser will ask before it does', async () => {
    await window.go(await place.invited(EMAIL, 'fingerprint'));
    await eventually(() => window.page.$eval('#bridge', (details) => details.checkVisibility()), 5_000, () => 'no bridge is offered');
    assert.equal(await window.page.$eval('#use-bridge', (button) => button.checkVisibility()), false, 'the browser goes first');
    await window.look('bridge-set-up');
    await opens();
    assert.match(await window.text('#bridge-permission'), /may ask first/);
    await window.look('bridge-set-up-explained');
  });

  step('whoever does not allow it learns what to do, and the bridge hears nothing', async () => {
    await permits('prompt');
    assert.match(await trouble(), /did not reach enum-bridge\. If your browser asks/);
    await permits('denied');
    const isTold = async () => /does not let this page/.test(await window.text('#bridge-permission'));
    await eventually(isTold, 5_000, () => 'nothing of the refusal on the page');
    assert.match(await trouble(), /does not let this page.*allow access to apps on this device/s);
    await window.look('bridge-refused');
    assert.doesNotMatch(bridge.log, /wants/);
  });

  step('with the permission a finger is set up', async () => {
    await permits('granted');
    await window.page.reload();
    await eventually(() => window.page.$eval('#bridge', (details) => details.open), 5_000, () => 'the bridge is not offered first');
    assert.equal(await window.page.$eval('#bridge-permission', (line) => line.checkVisibility()), false);
    await window.fill('name', 'Right index finger');
    await touches('mine');
    assert.match(await window.text('#activated'), /linh@example\.com/);
    assert.match(bridge.log, new RegExp(`${place.issuer} wants to be opened by your right index finger`));
  });

  step('the same finger is not set up twice', async () => {
    await window.go(await place.enrols(EMAIL, 'fingerprint'));
    assert.match(await trouble(), /set up already/);
  });

  step('another finger does not sign in, and hers does', async () => {
    await signsIn();
    await opens();
    await window.look('bridge-sign-in');
    await window.page.click('#use-bridge');
    for (let touch = 0; touch < 3; touch += 1) await desktop.touch('somebody');
    assert.match(await said(), /did not recognise you/);
    await window.look('bridge-sign-in-not-recognised');
    await touches('mine');
    await window.click('#allow');
    assert.equal(await window.text('#user-email'), EMAIL);
    assert.equal(await window.text('#acr'), 'phr');
  });

  step('she approves a payment', async () => {
    await window.go(place.shop);
    await window.click('#buy-mug');
    await window.click('#pay');
    assert.equal(await window.text('#payment-amount'), '10.50');
    await touches('mine');
    assert.equal(await window.text('#acr'), 'urn:enum:acr:payment');
    assert.ok(await window.has('#receipt'), await window.text('main'));
  });

  step('a computer without the key says so', async () => {
    const { port } = bridge;
    await bridge.stop();
    const other = await Desktop.start();
    try {
      await other.enrol('left-thumb', 'mine');
      const foreign = await other.bridge(place.issuer, port);
      // The session would do without a proof.
      await window.page.browserContext().deleteCookie(...(await window.page.browserContext().cookies()));
      await signsIn();
      assert.match(await trouble(), /No finger of this computer/);
      await foreign.stop();
    } finally {
      await other.end();
    }
  });

  step('where no bridge runs the page says what to do, and the browser\'s own way is still there', async () => {
    assert.match(await trouble(), /enum-bridge did not answer\. Start it/);
    await window.look('bridge-absent');
    assert.equal(await window.page.$eval('#continue', (button) => button.disabled), false);
  });

  step('a bridge that does not list this site is none', async () => {
    const foreign = await desktop.bridge('https://other.example', bridge.port);
    assert.match(await trouble(), /with this site in its list/);
    assert.doesNotMatch(foreign.log, /wants/);
    await foreign.stop();
  });

  step('without scripts the page says what to do', async () => {
    const scriptless = await browser.open({ scripts: false });
    await scriptless.go(place.website);
    await scriptless.fill('email', EMAIL);
    await scriptless.click('#sign-in');
    assert.match(await scriptless.text('main'), /needs JavaScript/);
    assert.equal(await scriptless.page.$eval('#bridge', (details) => details.checkVisibility()), false);
    scriptless.isContent();
  });

  step('nothing else was missing or blocked', async () => window.isContent());
});
