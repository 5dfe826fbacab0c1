// SMS over real gateways: an SMSC that speaks SMPP, an interface over HTTP, and Kannel; and what happens when something of
// it is wrong.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { afterEach, beforeEach, describe, test } from 'node:test';

import { Browser } from './support/browser.mjs';
import { Kannel, PASSWORD as KANNEL_PASSWORD, USER as KANNEL_USER } from './support/kannel.mjs';
import { Place, stepsAt } from './support/place.mjs';
import { certify } from './support/post-office.mjs';
import { eventually, output, pause, run } from './support/programs.mjs';
import { PASSWORD, SYSTEM_ID, Smsc, status } from './support/smsc.mjs';
import { Visitor, register } from './support/visitor.mjs';

const PHONE = '84912345678';
/** What the log says when a gateway has taken an SMS. */
const SENT = /courier: sent.*channel="sms"/;
const WHO = `${encodeURIComponent(SYSTEM_ID)}:${encodeURIComponent(PASSWORD)}`;

describe('SMS over gateways', { timeout: 240_000 }, () => {
  let place, opened, people;

  beforeEach(async () => {
    place = await Place.make();
    opened = [];
    people = 0;
  });

  afterEach(async () => {
    await place?.end();
    await Promise.all(opened.map((server) => server.close()));
  });

  const step = stepsAt(() => place);

  async function smsc(options) {
    const made = await Smsc.open(options);
    opened.push(made);
    return made;
  }

  /** Starts a provider with these settings of SMS. */
  function serve(sms) {
    place.configure({ sms: { from: 'E-num', ...sms } });
    return place.serve();
  }

  const smpp = ({ port }) => `smpp://${WHO}@127.0.0.1:${port}`;

  /** Somebody registers and chooses the cipherpad: an SMS with the activation code is due. */
  async function somebodyRegisters(lang = 'en') {
    people += 1;
    const email = `anna${people}@example.com`;
    const visitor = new Visitor(place.issuer);
    await register(visitor, email, 'Anna', lang);
    const mail = await place.message(email, '/register/confirm/');
    await visitor.go(/\S*\/register\/confirm\/\S*/.exec(mail.text)[0]);
    await visitor.press('continue');
    assert.equal(visitor.status, 200, visitor.text());
    return email;
  }

  const arrives = (judge, count = 1) =>
    eventually(() => judge.texts.length >= count && judge.texts.at(-1), 30_000, () =>
      `no SMS arrived: ${judge.events.join(', ')}`);

  /** The count of messages with this result at all gateways. */
  async function counted(result) {
    const text = await (await fetch(`${place.issuer}/metrics`)).text();
    const found = [...text.matchAll(/enum_sms_messages_total\{([^}]*)\} (\d+)/g)];
    return found.filter(([, labels]) => labels.includes(`result="${result}"`)).reduce((sum, [, , count]) => sum + Number(count), 0);
  }

  const becomes = (result, count) =>
    eventually(async () => (await counted(result)) === count, 15_000, () => `${result} is not ${count}`);

  /** What no log may hold: who got an SMS, what is in it, and how the gateway is logged in to. */
  function toldNothing() {
    for (const secret of [PHONE, PASSWORD, encodeURIComponent(PASSWORD), KANNEL_PASSWORD, '/pad#c=', '/sms/delivery/']) {
      assert.ok(!place.provider.log.includes(secret), `the log holds ${secret}`);
    }
  }

  step('a text of the GSM alphabet: the code in it works, and it is delivered when its receipt says so', async () => {
    const judge = await smsc();
    await serve({ url: smpp(judge) });
    const email = await somebodyRegisters();
    const text = await arrives(judge);
    assert.match(text, /^E-num activation code: \S+ Type it into your cipherpad only/);
    assert.equal(judge.version, 0x34);
    const [{ pdu, name }] = judge.taken;
    assert.deepEqual([pdu.destination_addr, pdu.dest_addr_ton, pdu.dest_addr_npi], [PHONE, 1, 1]);
    assert.deepEqual([pdu.source_addr, pdu.source_addr_ton, pdu.source_addr_npi], ['E-num', 5, 0]);
    assert.deepEqual([pdu.data_coding, pdu.esm_class, pdu.registered_delivery], [0, 0, 1]);
    await place.pad(email).activate(place.issuer, email, /#c=(\S*)/.exec(text)[1]);

    await place.provider.says(SENT);
    assert.equal(await judge.report(name, 'ENROUTE'), 0);
    assert.equal(await counted('delivered'), 0);
    assert.equal(await judge.report(name, 'DELIVRD'), 0);
    await becomes('delivered', 1);
    assert.equal(await judge.report(name, 'UNDELIV'), 0, 'a second report is heard and changes nothing');
    assert.equal(await counted('undelivered'), 0);
    toldNothing();
  });

  step('Cyrillic arrives whole in several parts, and is delivered when all of them are', async () => {
    const judge = await smsc();
    await serve({ url: smpp(judge) });
    await somebodyRegisters('ru');
    assert.match(await arrives(judge), /^Код E-num: \S+ Вводите его только в шифроблокнот\. http:\S+\/pad#c=\S+$/);
    assert.ok(judge.taken.length > 1 && judge.taken.every(({ pdu }) => pdu.data_coding === 8 && pdu.esm_class === 0x40));
    await place.provider.says(SENT);
    for (const [index, { name }] of judge.taken.entries()) {
      assert.equal(await counted('delivered'), 0, `after ${index} parts`);
      assert.equal(await judge.report(name, 'DELIVRD'), 0);
      assert.equal(await judge.report(name, 'DELIVRD'), 0);
    }
    await becomes('delivered', 1);
    toldNothing();
  });

  step('one part that is undeliverable makes the message so', async () => {
    const judge = await smsc();
    await serve({ url: smpp(judge) });
    await somebodyRegisters('ru');
    await arrives(judge);
    await judge.report(judge.taken[0].name, 'UNDELIV');
    await becomes('undelivered', 1);
    await judge.report(judge.taken[1].name, 'DELIVRD');
    assert.equal(await counted('delivered'), 0);
  });

  step('a receipt that is faster than our own notes finds its message', async () => {
    const judge = await smsc();
    await serve({ url: smpp(judge) });
    await somebodyRegisters();
    await eventually(() => judge.taken.length > 0, 20_000, () => 'nothing came');
    await arrives(judge);
    await Promise.all(judge.taken.map(({ name }) => judge.report(name, 'DELIVRD')));
    await becomes('delivered', 1);
  });

  step('a wrong password: no message leaves, the next gateway takes it, and the log says why', async () => {
    const [judge, second] = [await smsc(), await smsc()];
    await serve({ gateways: [{ url: `smpp://${SYSTEM_ID}@127.0.0.1:${judge.port}`, password: 'mistyped', name: 'first' }, smpp(second)] });
    await place.provider.says(/bind was refused.*Rinvpaswd/i);
    await somebodyRegisters();
    await arrives(second);
    assert.equal(judge.submits.length, 0);
    assert.ok(!place.provider.log.includes('mistyped'));
    await becomes('accepted', 1);
  });

  step('a gateway that nobody answers at: the next one takes it', async () => {
    const [gone, second] = [await smsc(), await smsc()];
    await gone.close();
    await serve({ gateways: [smpp(gone), smpp(second)] });
    await somebodyRegisters();
    await arrives(second);
    assert.equal(second.texts.length, 1);
    await place.provider.says(/did not take a message.*cannot connect/);
    toldNothing();
  });

  step('a throttled message comes again later, and once', async () => {
    const judge = await smsc();
    judge.plans = [status.ESME_RTHROTTLED];
    await serve({ url: smpp(judge) });
    await somebodyRegisters('vi');
    await place.provider.says(/courier: will try again.*Rthrottled/i);
    await arrives(judge);
    await place.provider.says(SENT);
    assert.equal(judge.texts.length, 1);
    toldNothing();
  });

  step('a later part that is throttled waits, and no part comes twice', async () => {
    const judge = await smsc();
    judge.plans = [undefined, status.ESME_RTHROTTLED, status.ESME_RMSGQFUL];
    await serve({ url: smpp(judge) });
    await somebodyRegisters('ru');
    assert.match(await arrives(judge), /^Код E-num/);
    const parts = judge.taken.map(({ pdu }) => pdu.short_message.udh[0][4]);
    assert.deepEqual(parts, [...new Set(parts)]);
    await place.provider.says(SENT);
  });

  step('a number that is no good is given up, and not offered to the next gateway', async () => {
    const [judge, second] = [await smsc(), await smsc()];
    judge.plans = [status.ESME_RINVDSTADR];
    await serve({ gateways: [smpp(judge), smpp(second)] });
    await somebodyRegisters();
    await place.provider.says(/courier: given up.*Rinvdstadr/i);
    assert.deepEqual([judge.submits.length, second.submits.length], [1, 0]);
    toldNothing();
  });

  step('… unless it is said so', async () => {
    const [judge, second] = [await smsc(), await smsc()];
    judge.plans = [status.ESME_RINVDSTADR];
    await serve({ gateways: [smpp(judge), smpp(second)], next_when_refused: true });
    await somebodyRegisters();
    await arrives(second);
  });

  step('a connection that breaks after a message has left: it is not sent twice, and the next one finds a new connection', async () => {
    const [judge, second] = [await smsc(), await smsc()];
    judge.plans = ['cut'];
    await serve({ gateways: [smpp(judge), smpp(second)] });
    await somebodyRegisters();
    await place.provider.says(/courier: given up.*not sent twice/);
    await eventually(() => judge.events.filter((event) => event === 'bound').length === 2, 10_000, () => judge.events.join(', '));
    await somebodyRegisters();
    await arrives(judge);
    assert.equal(judge.texts.length, 1);
    assert.equal(second.submits.length, 0);
    toldNothing();
  });

  step('a connection that breaks while nothing is under way: the next message is sent once', async () => {
    const judge = await smsc();
    await serve({ url: smpp(judge) });
    await place.provider.says(/in session with the SMSC/);
    judge.cut();
    await eventually(() => judge.events.filter((event) => event === 'bound').length === 2, 10_000, () => judge.events.join(', '));
    await somebodyRegisters();
    await arrives(judge);
    await place.provider.says(SENT);
    assert.equal(judge.texts.length, 1);
  });

  step('both ends ask whether the other is there; one that says nothing is left', async () => {
    const judge = await smsc();
    await serve({ gateways: [{ url: smpp(judge), enquire_seconds: 1 }] });
    await eventually(() => judge.enquiries >= 2, 10_000, () => 'it did not ask');
    assert.equal(await judge.enquire(), 0);
    judge.answersEnquiries = false;
    await place.provider.says(/no session with the SMSC.*enquire_link/);
    judge.answersEnquiries = true;
    await eventually(() => judge.events.filter((event) => event === 'bound').length === 2, 10_000, () => judge.events.join(', '));
  });

  step('when the provider stops, it says good-bye', async () => {
    const judge = await smsc();
    await serve({ url: smpp(judge) });
    await place.provider.says(/in session with the SMSC/);
    assert.equal((await place.provider.stop()).code, 0);
    assert.ok(judge.events.includes('unbound'), judge.events.join(', '));
  });

  step('TLS', async () => {
    const keys = certify(place.dir, 'localhost');
    const judge = await smsc({ key: keys.key, cert: keys.cert });
    await serve({ gateways: [{ url: `smpps://${WHO}@localhost:${judge.port}`, ca_file: keys.authority }] });
    await somebodyRegisters();
    assert.match(await arrives(judge), /^E-num activation code/);
  });

  for (const [what, host, trusted] of [
    ['of an authority that nobody trusts', 'localhost', false],
    ['for another host', 'smsc.example', true],
  ]) {
    step(`a certificate ${what}: no message and no password leave, and the log says why`, async () => {
      const keys = certify(place.dir, 'localhost');
      mkdirSync(place.at('other'));
      const other = certify(place.at('other'), host);
      const judge = await smsc({ key: other.key, cert: other.cert });
      const authority = trusted ? other.authority : keys.authority;
      await serve({ gateways: [{ url: `smpps://${WHO}@localhost:${judge.port}`, ca_file: authority }] });
      const line = await place.provider.says(/no session with the SMSC/);
      assert.match(line, /certificate/i);
      await somebodyRegisters();
      await place.provider.says(/courier: will try again/);
      assert.equal(judge.submits.length, 0);
      assert.ok(!judge.events.some((event) => /bound|password/.test(event)), judge.events.join(', '));
      toldNothing();
    });
  }

  step('an interface of its own over HTTP: template, name and reports', async () => {
    const requests = [];
    const gateway = createServer(async (request, reply) => {
      const parts = [];
      for await (const part of request) parts.push(part);
      requests.push({ url: request.url, key: request.headers['x-key'], sent: JSON.parse(Buffer.concat(parts)) });
      reply.writeHead(201, { 'content-type': 'application/json' }).end('{"messages":[{"id":4711}]}');
    });
    await new Promise((resolve) => gateway.listen(0, '127.0.0.1', resolve));
    opened.push({ close: () => new Promise((resolve) => gateway.close(resolve)) });
    await serve({
      gateways: [{
        url: `http://127.0.0.1:${gateway.address().port}/send?ref={id}`,
        name: 'json',
        password_file: place.write('key', `${PASSWORD}\n`),
        headers: { 'X-Key': '{password}' },
        body: { to: '{to}', from: '{from}', text: '{text}', report_to: '{delivery_url}' },
        id: '/messages/0/id',
        report: { state: '/state', delivered: ['delivered'], undelivered: ['failed'] },
      }],
    });
    await somebodyRegisters('ru');
    await place.provider.says(SENT);
    const [{ url, key, sent }] = requests;
    assert.match(url, /^\/send\?ref=[0-9a-f]{32}$/);
    assert.equal(key, PASSWORD);
    assert.deepEqual([sent.to, sent.from], [`+${PHONE}`, 'E-num']);
    assert.match(sent.text, /^Код E-num: /);
    const report = (address, state) =>
      fetch(address, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ state }) }).then((reply) => reply.status);
    const mark = sent.report_to.at(-5) === 'A' ? 'B' : 'A';
    const forged = sent.report_to.slice(0, -5) + mark + sent.report_to.slice(-4);
    assert.equal(await report(forged, 'failed'), 404);
    assert.equal(await report(`${place.issuer}/sms/delivery/x`, 'failed'), 404);
    assert.equal(await report(sent.report_to, 'queued'), 200);
    assert.equal(await counted('delivered'), 0);
    assert.equal(await report(sent.report_to, 'delivered'), 200);
    assert.equal(await report(sent.report_to, 'delivered'), 200);
    assert.equal(await report(sent.report_to, 'failed'), 200);
    assert.deepEqual([await counted('delivered'), await counted('undelivered')], [1, 0]);
    assert.equal(requests.length, 1);
    toldNothing();
  });

  step('an interface over HTTP that hangs up without an answer gets the message once, and nobody else gets it', async () => {
    const judge = await smsc();
    let requests = 0;
    const gateway = createServer((request) => {
      requests += 1;
      request.socket.destroy();
    });
    await new Promise((resolve) => gateway.listen(0, '127.0.0.1', resolve));
    opened.push({ close: () => new Promise((resolve) => gateway.close(resolve)) });
    await serve({ gateways: [{ url: `http://127.0.0.1:${gateway.address().port}/`, body: { text: '{text}' } }, smpp(judge)] });
    await somebodyRegisters();
    await place.provider.says(/courier: given up.*not sent twice/);
    await pause(500);
    assert.deepEqual([requests, judge.submits.length], [1, 0]);
  });

  step('a message for a payment costs when the SMSC has taken it, and nothing when it never arrives', async () => {
    const judge = await smsc();
    place = await Place.make(['libsms_factor.so', 'libmerchant.so']);
    await place.serveAll({ sms: { from: 'E-num', url: smpp(judge) } });
    const email = 'anna@example.com';
    const visitor = new Visitor(place.issuer);
    const { link, code } = await place.begins(email, 'sms');
    await visitor.go(link);
    await visitor.press('continue', { answer: code });
    assert.equal(judge.submits.length, 0);

    const browser = await Browser.launch();
    opened.push(browser);
    const window = await browser.open();
    await window.go(place.shop);
    await window.click('#buy-mug');
    await window.click('#pay');
    await window.fill('email', email);
    await window.click('#continue');
    await window.click('#accept');
    const text = await arrives(judge);
    await place.provider.says(SENT);
    const ledger = () => output('enum-idp', ['fees', 'list', '--config', place.at('enum.toml'), '--email', email]);
    assert.match(await ledger(), /0\.05 WMZ +charged[^]*owes 0\.05 WMZ/);
    await window.fill('answer', /#(\d{6})$/.exec(text)[1]);
    await window.click('#continue');
    assert.equal(await window.text('#fee'), '0.05 WMZ');

    for (const { name } of judge.taken) await judge.report(name, 'UNDELIV');
    await becomes('undelivered', 1);
    assert.match(await ledger(), /0\.05 WMZ +reversed[^]*owes 0\.00 WMZ/);
    await output('enum-idp', ['fees', 'verify', '--config', place.at('enum.toml')]);
    toldNothing();
  });

  describe('Kannel', () => {
    let kannel;

    beforeEach(async () => {
      kannel = await Kannel.start(place);
    });

    afterEach(() => kannel.stop());

    const url = (user, password) => `http://${user}:${encodeURIComponent(password)}@127.0.0.1:${kannel.port}`;

    for (const method of ['POST', 'GET']) {
      step(`takes it by ${method}, and reports that it arrived`, async () => {
        await serve({ gateways: [{ url: `${url(KANNEL_USER, KANNEL_PASSWORD)}/cgi-bin/sendsms`, method }] });
        await somebodyRegisters('vi');
        await place.provider.says(SENT);
        await eventually(() => kannel.messages.length > 0, 20_000, () => kannel.log);
        const [{ from, to, text }] = kannel.messages;
        assert.deepEqual([from, to], ['E-num', `+${PHONE}`]);
        assert.match(decodeURIComponent(text), /Ma kich hoat E-num/);
        await becomes('delivered', 1);
        assert.match(kannel.log, /dlr=8/);
        toldNothing();
      });
    }

    step('gets Cyrillic as UCS-2', async () => {
      await serve({ url: url(KANNEL_USER, KANNEL_PASSWORD) });
      await somebodyRegisters('ru');
      // "Код" in UTF-16, behind the header that Kannel gave the part.
      await kannel.says(/Got message \d+: <E-num \S+ udh %05%00%03\S+ data %04%1A%04%3E%044/);
    });

    step('refuses a wrong password: the message waits, and the log says 403', async () => {
      await serve({ url: url(KANNEL_USER, 'mistyped') });
      await somebodyRegisters();
      await place.provider.says(/courier: will try again.*403/);
      assert.equal(kannel.messages.length, 0);
      assert.ok(!place.provider.log.includes('mistyped'));
    });
  });

  for (const [what, sms, key, reason] of [
    ['a scheme that does not exist', { url: 'pigeon://home' }, 'sms.url', 'pigeon'],
    ['a password that SMPP has no room for', { url: 'smpp://me:ninechars@localhost' }, 'sms.url', '8 characters'],
    ['a place that does not exist', { gateways: [{ url: 'https://sms.example', body: { a: '{b}' } }] }, 'sms.gateways', '{b}'],
    ['a key that does not exist', { gateways: [{ url: 'file:x', pasword: 'x' }] }, 'sms.gateways', 'pasword'],
    ['both ways at once', { url: 'file:x', gateways: ['file:y'] }, 'sms.gateways', 'sms.url'],
  ]) {
    step(`${what} is refused at the start`, async () => {
      place.configure({ sms });
      const { code, log } = await run('enum-idp', ['serve', '--config', place.at('enum.toml')]);
      assert.notEqual(code, 0);
      assert.ok(log.includes(key) && log.includes(reason), log);
      assert.ok(!log.includes('ninechars'), log);
    });
  }
});
