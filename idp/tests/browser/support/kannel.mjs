// Debian's Kannel with its fake SMSC: bearerbox, smsbox and fakesmsc, each a real program.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

import { freePorts } from './place.mjs';
import { eventually } from './programs.mjs';

const FAKE_SMSC = '/usr/lib/kannel/test/fakesmsc';
export const USER = 'enum';
export const PASSWORD = 'k@n/nel:%';

export class Kannel {
  log = '';
  #programs = [];

  /** Starts all three in the directory of `place`; fails when they are not installed. */
  static async start(place) {
    if (!existsSync(FAKE_SMSC)) throw new Error('Kannel is missing: install the packages kannel and kannel-extras');
    const kannel = new Kannel();
    const [admin, box, smsc, send] = await freePorts(4);
    kannel.port = send;
    const config = place.write('kannel.conf', `
group = core
admin-port = ${admin}
smsbox-port = ${box}
admin-password = ${PASSWORD}
log-level = 0
dlr-storage = internal

group = smsc
smsc = fake
smsc-id = FAKE
port = ${smsc}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = ${send}
log-level = 0

group = sendsms-user
username = ${USER}
password = ${PASSWORD}
max-messages = 5
concatenation = true

group = sms-service
keyword = default
text = "no"
`);
    const start = (program, ...args) => kannel.#start(place, program, args);
    start('/usr/sbin/bearerbox', '-v', '0', config);
    await kannel.says(/MAIN: Start-up done/);
    start('/usr/sbin/smsbox', '-v', '0', config);
    await kannel.says(/Connected to bearerbox/);
    // It ends with its standard input, so that is kept open.
    start(FAKE_SMSC, '-H', '127.0.0.1', '-r', String(smsc), '-i', '0.1', '-m', '0');
    await kannel.says(/Fakesmsc client connected/);
    return kannel;
  }

  #start(place, program, args) {
    const child = spawn(program, args, { cwd: place.dir, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#programs.push(child);
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (this.log += text));
    process.once('exit', () => child.kill('SIGKILL'));
  }

  says(pattern) {
    return eventually(() => pattern.exec(this.log), 20_000, () => `Kannel did not say ${pattern}:\n${this.log}`);
  }

  /** What the fake SMSC got, as it prints it: sender, number, kind, text. */
  get messages() {
    return [...this.log.matchAll(/Got message \d+: <(\S+) (\S+) (\S+) ([^>]*)>/g)].map(([, from, to, kind, text]) => ({ from, to, kind, text }));
  }

  async stop() {
    for (const child of this.#programs.reverse()) {
      const ended = new Promise((resolve) => child.once('close', resolve));
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await ended;
      }
    }
  }
}
