// A device without a browser is linked: its code is typed at /device, in a browser without anything of the device's.

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';

import { Browser } from './support/browser.mjs';
import { Place, stepsAt } from './support/place.mjs';

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const TELEVISION = {
  client_id: 'television', client_name: 'The television', token_endpoint_auth_method: 'none', redirect_uris: [],
  response_types: [], grant_types: [GRANT, 'refresh_token'], scope: 'openid email',
};

describe('a device', { timeout: 240_000 }, () => {
  let place, browser, linh;

  before(async () => {
    place = await Place.make();
    place.configure({ clients: [TELEVISION] });
    [browser] = await Promise.all([Browser.launch(), place.serve()]);
    linh = await place.person('linh@example.com');
  });

  after(async () => {
    await Promise.allSettled([browser?.close(), place?.end()]);
  });

  const step = stepsAt(() => place);
  const posts = async (path, fields) => {
    const body = new URLSearchParams({ client_id: 'television', ...fields });
    const reply = await fetch(`${place.issuer}${path}`, { method: 'POST', body });
    return reply.json();
  };

  step('its person types the code, sees who asks, and proves who they are', async () => {
    const begun = await posts('/device_authorization', { scope: 'openid email' });
    const window = await browser.open();
    await window.go(begun.verification_uri);
    await window.look('device');
    window.expects(422);
    await window.fill('user_code', 'BCDF-GHJK');
    await window.click('#continue');
    assert.match(await window.text('#error'), /No device waits/);
    await window.look('device-unknown');
    await window.go(begun.verification_uri_complete);
    assert.equal(await window.value('user_code'), begun.user_code);
    await window.click('#continue');
    assert.equal(await window.text('#asker'), 'The television');
    assert.equal(await window.text('#shown'), begun.user_code);
    await window.look('device-confirm');
    await window.go(begun.verification_uri_complete);
    await window.click('#continue');
    await window.click('#continue');
    await window.fill('email', linh.email);
    await window.click('#continue');
    await window.fill('answer', await linh.pad.answer(await window.challenge()));
    await window.click('#continue');
    await window.click('#allow');
    assert.match(await window.text('h1'), /Return to your device/);
    await window.look('device-done');
    const tokens = await posts('/token', { grant_type: GRANT, device_code: begun.device_code });
    assert.equal(tokens.token_type, 'Bearer', JSON.stringify(tokens));
  });

  step('nobody is linked who says that it is not their device', async () => {
    const begun = await posts('/device_authorization', { scope: 'openid email' });
    const window = await browser.open();
    await window.go(begun.verification_uri_complete);
    await window.click('#continue');
    await window.click('#deny');
    assert.match(await window.text('h1'), /Nothing was allowed/);
    await window.look('device-denied');
    const told = await posts('/token', { grant_type: GRANT, device_code: begun.device_code });
    assert.equal(told.error, 'access_denied');
  });
});
