// The demonstration, as a newcomer starts it; and its receipt in the hands of an independent library.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { createRemoteJWKSet, jwtVerify } from 'jose';

import { Place } from './support/place.mjs';
import { eventually, run } from './support/programs.mjs';

let place;

before(async () => {
  place = await Place.make();
});

after(() => place?.end());

test('the demonstration walks from registration to payment, and its receipt holds', { timeout: 120_000 }, async () => {
  const { code, output, log } = await run('enum-demo', ['--once', '--dir', place.dir, '--port', String(place.ports[0])]);
  assert.equal(code, 0, log);
  const found = (pattern) => {
    assert.match(output, pattern);
    return pattern.exec(output);
  };
  found(new RegExp(`^1\\. Register at ${place.issuer}/register$`, 'm'));
  found(new RegExp(`the mail's link: ${place.issuer}/register/confirm/\\S+$`, 'm'));
  found(/^2\. Activate the cipherpad$/m);
  found(/the SMS: .*[0-9A-Z]{4}.*\/pad#c=\S+/s);
  found(new RegExp(`^3\\. Log in at the website ${place.website}$`, 'm'));
  found(/number-question [1-9]\d{7}, number-answer \d{8}$/m);
  found(/sub \S{8,} {2}acr urn:enum:acr:2$/m);
  found(new RegExp(`^4\\. Pay in the shop ${place.shop}$`, 'm'));
  found(/number-question [1-9]\d{7} with Z123456789012 and 10\.50, number-answer \d{8}$/m);
  found(/the order is paid; acr urn:enum:acr:payment$/m);
  const [, receipt] = found(/receipt (\S+)$/m);
  found(/^Done: /m);

  // Its provider has stopped. Another process with the same data publishes the same keys.
  const provider = place.start('enum-idp', ['serve', '--config', place.at('once/enum.toml')]);
  await provider.answers(`${place.issuer}/readyz`);
  const keys = createRemoteJWKSet(new URL(`${place.issuer}/jwks`));
  const { payload, protectedHeader } = await jwtVerify(receipt, keys, { issuer: place.issuer, audience: 'shop' });
  assert.equal(protectedHeader.typ, 'enum-receipt+jwt');
  assert.equal(payload.acr, 'urn:enum:acr:payment');
  assert.equal(payload.factor, 'cipherpad');
  assert.match(payload.evidence_hash, /^[0-9a-f]{64}$/);
  assert.equal(payload.transaction_hash, createHash('sha256').update(canonical(payload.transaction)).digest('hex'));
  assert.ok(payload.sub && payload.jti && payload.iat, JSON.stringify(payload));
  const { reference, ...transaction } = payload.transaction;
  assert.match(reference, /^order-/);
  assert.deepEqual(transaction, {
    payee_account: 'Z123456789012', payee_name: 'Demo Shop', amount_minor: 1050, minor_digits: 2, currency: 'WMZ', description: 'A mug',
  });

  // What merchants are told to do themselves, word by word as they are told it.
  const proof = await eventually(
    async () => {
      const answer = await fetch(`${place.issuer}/receipts/log/proof?jti=${payload.jti}`);
      return answer.ok && answer.json();
    },
    20_000,
    () => 'the receipt does not get into the log',
  );
  const verifyReceipt = await instructions();
  const jwks = await (await fetch(`${place.issuer}/jwks`)).json();
  const paid = { receipt, proof, jwks, issuer: place.issuer, clientId: 'shop' };
  const { head } = await verifyReceipt(paid);
  assert.equal(head.size, 1);
  await assert.rejects(verifyReceipt({ ...paid, proof: { ...proof, index: 1 } }), /no such leaf/);
  const longer = { ...proof, path: [createHash('sha256').digest('base64url')] };
  await assert.rejects(verifyReceipt({ ...paid, proof: longer }), /too long/);
  await assert.rejects(verifyReceipt({ ...paid, proof: { ...proof, head: receipt } }), { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED' });
  await assert.rejects(verifyReceipt({ ...paid, clientId: 'another-shop' }), { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED' });
});

/** The function in the instructions for merchants. */
async function instructions() {
  const here = import.meta.dirname;
  const text = readFileSync(path.join(here, '../../receipt/README.md'), 'utf8');
  const [, code] = /```js\n([\s\S]*?)```/.exec(text);
  // Where the libraries are found.
  const file = path.join(here, 'node_modules', '.receipt-instructions.mjs');
  writeFileSync(file, code);
  return (await import(file)).verifyReceipt;
}

/** The members in the order of their names, without spaces. */
const canonical = (flat) => JSON.stringify(Object.fromEntries(Object.entries(flat).sort(([a], [b]) => (a < b ? -1 : 1))));
