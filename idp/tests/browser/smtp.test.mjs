// Mail over a real SMTP server: STARTTLS, TLS, authentication, and what happens when something of it is wrong.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';

import { PASSWORD, PostOffice, USER, certify } from './support/post-office.mjs';
import { Place, stepsAt } from './support/place.mjs';
import { eventually, run } from './support/programs.mjs';
import { Visitor, register, unescaped } from './support/visitor.mjs';

const EMAIL = 'nguyen.anna@example.com';
const FROM = 'E-num <no-reply@id.example>';
const LOGIN = `${encodeURIComponent(USER)}:${encodeURIComponent(PASSWORD)}`;

describe('mail over SMTP', { timeout: 120_000 }, () => {
  let place, office, keys;

  beforeEach(async () => {
    place = await Place.make();
    keys = certify(place.dir, 'localhost');
  });

  afterEach(async () => {
    await place?.end();
    await office?.close();
    office = undefined;
  });

  const step = stepsAt(() => place);

  /** Starts a provider that sends over this server, and has somebody register. */
  async function somebodyRegisters(url, mail = {}, name = 'Anna') {
    place.configure({ mail: { url, from: FROM, ca_file: keys.authority, ...mail } });
    await place.serve();
    const visitor = new Visitor(place.issuer);
    await register(visitor, EMAIL, name);
    assert.equal(visitor.status, 200, visitor.text());
    return visitor;
  }

  const arrives = (count = 1) =>
    eventually(() => office.mails.length >= count, 25_000, () => `no mail arrived: ${office.events.join(', ')}`);

  /** What no log may hold: who got a mail, what is in it, and how the server is logged in to. */
  function toldNothing() {
    for (const secret of [EMAIL, PASSWORD, encodeURIComponent(PASSWORD), '/register/confirm/', 'Anna']) {
      assert.ok(!place.provider.log.includes(secret), `the log holds ${secret}`);
    }
  }

  step('STARTTLS and authentication: the mail of a registration arrives, and its link works', async () => {
    office = await PostOffice.open({ key: keys.key, cert: keys.cert });
    const visitor = await somebodyRegisters(`smtp://${LOGIN}@localhost:${office.port}`);
    await arrives();
    const [mail] = office.mails;
    assert.equal(mail.secure, true);
    assert.equal(mail.user, USER);
    assert.deepEqual(mail.envelope, { from: 'no-reply@id.example', to: [EMAIL] });
    assert.deepEqual([mail.from.name, mail.from.address], ['E-num', 'no-reply@id.example']);
    assert.deepEqual(mail.to.map(({ address }) => address), [EMAIL]);
    assert.equal(mail.subject, 'Finish your registration');
    assert.match(mail.messageId, /^<[0-9a-f]{32}@id\.example>$/);
    assert.ok(Math.abs(Date.parse(mail.date) - Date.now()) < 60_000, mail.date);
    assert.match(mail.text, /^Hello Anna,/);
    const [link] = new RegExp(`${place.issuer}/register/confirm/\\S+`).exec(mail.text);
    assert.ok(unescaped(mail.html).includes(`href="${link}"`), mail.html);
    await visitor.go(link);
    assert.match(visitor.text(), /Almost done/);
    await place.provider.says(/courier: sent/);
    toldNothing();
  });

  step('TLS from the first byte', async () => {
    office = await PostOffice.open({ key: keys.key, cert: keys.cert, secure: true });
    await somebodyRegisters(`smtps://${LOGIN}@localhost:${office.port}`);
    await arrives();
    assert.equal(office.mails[0].secure, true);
    assert.equal(office.mails[0].user, USER);
  });

  step('names in other alphabets arrive as they were written', async () => {
    office = await PostOffice.open({ key: keys.key, cert: keys.cert });
    await somebodyRegisters(`smtp://${LOGIN}@localhost:${office.port}`, { from: 'Э-нум <no-reply@id.example>' }, 'Nguyễn Ánh');
    await arrives();
    assert.equal(office.mails[0].from.name, 'Э-нум');
    assert.match(office.mails[0].text, /^Hello Nguyễn Ánh,/);
  });

  step('a server that is busy is asked again, and gets the mail once', async () => {
    office = await PostOffice.open({ key: keys.key, cert: keys.cert });
    office.refuseOnce(451, `Try again later, dear ${EMAIL}`);
    await somebodyRegisters(`smtp://${LOGIN}@localhost:${office.port}`);
    await place.provider.says(/courier: will try again.*451/);
    await arrives();
    await place.provider.says(/courier: sent/);
    assert.equal(office.mails.length, 1);
    assert.deepEqual(office.events.filter((event) => event.startsWith('refused')), ['refused: 451']);
    toldNothing();
  });

  step('a server that never wants the mail is not asked again', async () => {
    office = await PostOffice.open({ key: keys.key, cert: keys.cert });
    office.refuseOnce(550, `No such mailbox: ${EMAIL}`);
    await somebodyRegisters(`smtp://${LOGIN}@localhost:${office.port}`);
    await place.provider.says(/courier: given up.*550/);
    assert.equal(office.mails.length, 0);
    toldNothing();
  });

  step('a mail outlives a restart of the provider', async () => {
    office = await PostOffice.open({ key: keys.key, cert: keys.cert });
    office.refuseOnce(451, 'Try again later');
    await somebodyRegisters(`smtp://${LOGIN}@localhost:${office.port}`);
    await place.provider.says(/courier: will try again/);
    assert.equal((await place.provider.stop()).code, 0);
    assert.equal(office.mails.length, 0);
    await place.serve();
    await arrives();
    await place.provider.says(/courier: sent/);
    assert.equal(office.mails.length, 1);
  });

  for (const [what, host, trusted] of [
    ['of an authority that nobody trusts', 'localhost', false],
    ['for another host', 'mail.example', true],
  ]) {
    step(`a certificate ${what}: no mail and no password leave, and the log says why`, async () => {
      mkdirSync(place.at('other'));
      const other = certify(place.at('other'), host);
      office = await PostOffice.open({ key: other.key, cert: other.cert });
      await somebodyRegisters(`smtp://${LOGIN}@localhost:${office.port}`, trusted ? { ca_file: other.authority } : {});
      const line = await place.provider.says(/courier: will try again/);
      assert.match(line, /certificate/i);
      assert.equal(office.mails.length, 0);
      assert.ok(!office.events.some((event) => /authenticated|password/.test(event)), office.events.join(', '));
      toldNothing();
    });
  }

  step('a server that offers no STARTTLS gets neither mail nor password', async () => {
    office = await PostOffice.open({ key: keys.key, cert: keys.cert, hideSTARTTLS: true, allowInsecureAuth: true });
    await somebodyRegisters(`smtp://${LOGIN}@localhost:${office.port}`);
    const line = await place.provider.says(/courier: will try again/);
    assert.match(line, /starttls/i);
    assert.equal(office.mails.length, 0);
    assert.ok(!office.events.some((event) => /authenticated|password/.test(event)), office.events.join(', '));
    toldNothing();
  });

  step('a mistyped password does not lose the mail', async () => {
    office = await PostOffice.open({ key: keys.key, cert: keys.cert });
    await somebodyRegisters(`smtp://${encodeURIComponent(USER)}:mistyped@localhost:${office.port}`);
    const line = await place.provider.says(/courier: will try again/);
    assert.match(line, /535/);
    assert.ok(!place.provider.log.includes('mistyped'));
  });

  step('a mail server that hangs does not keep the provider from stopping', async () => {
    office = await PostOffice.open({ key: keys.key, cert: keys.cert, onMailFrom: () => office.events.push('hangs'), closeTimeout: 100 });
    await somebodyRegisters(`smtp://${LOGIN}@localhost:${office.port}`);
    await eventually(() => office.events.includes('hangs'), 20_000, () => office.events.join(', '));
    const { code, ms } = await place.provider.stop();
    assert.equal(code, 0, `after ${ms} ms`);
  });

  step('mail without TLS to another machine is refused at the start', async () => {
    place.configure({ mail: { url: `smtp://${LOGIN}@mail.example:25?tls=none`, from: FROM } });
    const { code, log } = await run('enum-idp', ['serve', '--config', place.at('enum.toml')]);
    assert.notEqual(code, 0);
    assert.match(log, /`mail\.url`.*loopback/);
    assert.ok(!log.includes(encodeURIComponent(PASSWORD)));
  });
});
