// A real SMTP server with certificates of its own authority.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import PostalMime from 'postal-mime';
import { SMTPServer } from 'smtp-server';

export const USER = 'mailer@example.com';
export const PASSWORD = 'p@ss/word:%';

/** Makes an authority in `dir`, and a certificate of it for `host`; gives the authority's file and the server's keys. */
export function certify(dir, host) {
  const file = (name) => path.join(dir, name);
  const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc'];
  openssl('req', '-x509', ...key, '-keyout', file('ca.key'), '-out', file('ca.pem'), '-days', '2', '-subj', '/CN=Test authority');
  openssl('req', ...key, '-keyout', file('server.key'), '-out', file('server.csr'), '-subj', `/CN=${host}`);
  writeFileSync(file('server.ext'), `subjectAltName=DNS:${host}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n`);
  openssl('x509', '-req', '-in', file('server.csr'), '-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial',
    '-days', '2', '-extfile', file('server.ext'), '-out', file('server.pem'));
  return { authority: file('ca.pem'), key: readFileSync(file('server.key')), cert: readFileSync(file('server.pem')) };
}

export class PostOffice {
  /** Mails that were accepted, with their envelopes. */
  mails = [];
  /** What happened, in order: connections, logins, refusals. */
  events = [];
  #refusals = [];

  /** Opens on a free port. `options` are those of `smtp-server`. */
  static async open(options) {
    const office = new PostOffice();
    office.server = new SMTPServer({
      onConnect: (session, done) => office.#note('connected', done),
      onSecure: (socket, session, done) => office.#note('secured', done),
      onAuth: (given, session, done) => {
        const right = given.username === USER && given.password === PASSWORD;
        office.events.push(right ? 'authenticated' : 'wrong password');
        done(right ? null : Object.assign(new Error('Wrong password'), { responseCode: 535 }), { user: given.username });
      },
      onData: (stream, session, done) => office.#take(stream, session).then(() => done(), done),
      logger: false,
      ...options,
    });
    // A client that does not trust us breaks off; that is its right.
    office.server.on('error', (error) => office.events.push(`error: ${error.message}`));
    await new Promise((resolve) => office.server.listen(0, '127.0.0.1', resolve));
    office.port = office.server.server.address().port;
    return office;
  }

  /** The next mail is refused with this status. */
  refuseOnce(responseCode, text) {
    this.#refusals.push(Object.assign(new Error(text), { responseCode }));
  }

  #note(event, done) {
    this.events.push(event);
    done();
  }

  async #take(stream, { envelope, secure, user }) {
    const parts = [];
    for await (const part of stream) parts.push(part);
    const refusal = this.#refusals.shift();
    if (refusal) {
      this.events.push(`refused: ${refusal.responseCode}`);
      throw refusal;
    }
    const mail = await PostalMime.parse(Buffer.concat(parts));
    this.mails.push({ ...mail, secure, user, envelope: { from: envelope.mailFrom.address, to: envelope.rcptTo.map(({ address }) => address) } });
  }

  close() {
    return new Promise((resolve) => this.server.close(resolve));
  }
}
