// A real SMSC: the server of the npm package `smpp`, with a phone at its other end that puts texts together again.

import smpp from 'smpp';

export const SYSTEM_ID = 'enum-test';
export const PASSWORD = 'p@s/w:d%';

export class Smsc {
  /** What happened, in order: connections, binds, refusals. */
  events = [];
  /** Every `submit_sm` that came, taken or not. */
  submits = [];
  /** Parts that were taken, with their names here. */
  taken = [];
  /** What is done with the next messages, first one first: a status, `hang` or `cut`; then all are taken. */
  plans = [];
  /** Whether questions whether we are there get an answer. */
  answersEnquiries = true;
  enquiries = 0;
  #sessions = new Set();
  #names = 0;

  /** Opens on a free port; with TLS when there are `key` and `cert`. */
  static async open(options = {}) {
    const smsc = new Smsc();
    smsc.server = smpp.createServer(options, (session) => smsc.#talk(session));
    smsc.server.on('tlsClientError', ({ message }) => smsc.events.push(`no TLS: ${message}`));
    await smsc.#listen(0);
    smsc.port = smsc.server.address().port;
    return smsc;
  }

  #listen(port) {
    return new Promise((resolve) => this.server.listen(port, '127.0.0.1', resolve));
  }

  #talk(session) {
    this.events.push('connected');
    session.on('error', ({ message }) => this.events.push(`error: ${message}`));
    session.on('close', () => this.#sessions.delete(session));
    session.on('bind_transceiver', (pdu) => {
      const right = pdu.system_id === SYSTEM_ID && pdu.password === PASSWORD;
      this.events.push(right ? 'bound' : 'wrong password');
      this.version = pdu.interface_version;
      session.send(pdu.response({ command_status: right ? smpp.ESME_ROK : smpp.ESME_RINVPASWD, system_id: 'judge' }));
      if (right) this.#sessions.add(session);
    });
    session.on('enquire_link', (pdu) => {
      this.enquiries += 1;
      if (this.answersEnquiries) session.send(pdu.response());
    });
    session.on('unbind', (pdu) => {
      this.events.push('unbound');
      session.send(pdu.response());
    });
    session.on('submit_sm', (pdu) => this.#submitted(session, pdu));
  }

  #submitted(session, pdu) {
    this.submits.push(pdu);
    const plan = this.plans.shift();
    if (plan === 'cut') return session.destroy();
    if (plan === 'hang') return undefined;
    if (typeof plan === 'number') return session.send(pdu.response({ command_status: plan }));
    this.#names += 1;
    const name = `m${this.port}-${this.#names}`;
    this.taken.push({ name, pdu });
    return session.send(pdu.response({ message_id: name }));
  }

  /** The texts that are complete on the phone, in the order in which they became so. */
  get texts() {
    const [whole, pieces] = [[], new Map()];
    for (const { pdu } of this.taken) {
      const { message, udh } = pdu.short_message;
      if (!udh) {
        whole.push(message);
        continue;
      }
      const [element, length, reference, count, number] = udh[0];
      if (element !== 0 || length !== 3) throw new Error(`no header of a part: ${udh[0].toString('hex')}`);
      const key = `${pdu.destination_addr} ${reference} ${count}`;
      const parts = pieces.get(key) ?? new Map();
      pieces.set(key, parts.set(number, message));
      if (parts.size === count) {
        whole.push(Array.from({ length: count }, (_, index) => parts.get(index + 1)).join(''));
        pieces.delete(key);
      }
    }
    return whole;
  }

  /** Reports what became of a part, in the text that Appendix B of the specification shows; gives how that was answered. */
  report(name, state) {
    const text = `id:${name} sub:001 dlvrd:001 submit date:2611221200 done date:2611221201 stat:${state} err:000 text:stat:ENROUTE`;
    const [session] = this.#sessions;
    return new Promise((resolve) => {
      session.deliver_sm(
        { esm_class: 4, source_addr: '84912345678', destination_addr: 'E-num', short_message: text },
        ({ command_status: status }) => resolve(status),
      );
    });
  }

  /** Asks the other end whether it is there. */
  enquire() {
    const [session] = this.#sessions;
    return new Promise((resolve) => session.enquire_link({}, ({ command_status: status }) => resolve(status)));
  }

  /** Cuts all connections. */
  cut() {
    for (const session of [...this.server.sessions]) session.destroy();
  }

  close() {
    this.cut();
    return new Promise((resolve) => this.server.close(resolve));
  }
}

export const status = smpp.errors;
