// A desktop with a fingerprint reader: a private system bus, the real fprintd on libfprint's virtual device, and a polkit that
// says yes. What runs on it is the real enum-bridge.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { Running, eventually } from './programs.mjs';

const FPRINTD = '/usr/libexec/fprintd';
const MANAGER = '/net/reactivated/Fprint/Manager';
/** Scans of one finger until the virtual device knows it. */
const STAGES = 5;
const PATIENCE_MS = 20_000;

export class Desktop {
  /** What all that runs here has written. */
  log = '';
  #programs = [];

  /** Fails when one of the programs is not installed. */
  static async start() {
    if (!existsSync(FPRINTD)) throw new Error('fprintd is missing: .ci/install test installs it');
    const desktop = new Desktop();
    desktop.dir = mkdtempSync(path.join(tmpdir(), 'enum-desktop-'));
    await desktop.#startBus();
    await desktop.#startPolkit();
    await desktop.#startFprintd();
    return desktop;
  }

  #at(name) {
    return path.join(this.dir, name);
  }

  get #bus() {
    return { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${this.#at('bus.sock')}` };
  }

  async #startBus() {
    const allowed = ['user="*"', 'own="*"', 'send_destination="*"', 'send_type="signal"', 'eavesdrop="true"'];
    const policy = `<policy context="default">${allowed.map((rule) => `<allow ${rule}/>`).join('')}</policy>`;
    const listen = `<listen>${this.#bus.DBUS_SYSTEM_BUS_ADDRESS}</listen>`;
    writeFileSync(this.#at('bus.conf'), `<busconfig><type>system</type>${listen}${policy}</busconfig>`);
    this.#start('dbus-daemon', [`--config-file=${this.#at('bus.conf')}`, '--nofork', '--nopidfile']);
    await this.#until('the bus', () => existsSync(this.#at('bus.sock')));
  }

  async #startPolkit() {
    // The distribution's own interpreter, since its packages have the mock.
    this.#start('/usr/bin/python3', ['-m', 'dbusmock', '--template', 'polkitd', '-s', '-p', '{}']);
    const yes = ['org.freedesktop.DBus.Mock.AllowUnknown', 'boolean:true'];
    await this.#until('polkit', () => this.#call('org.freedesktop.PolicyKit1', '/org/freedesktop/PolicyKit1/Authority', yes) !== null);
  }

  async #startFprintd() {
    this.#start(FPRINTD, ['-t'], {
      STATE_DIRECTORY: this.#at('state'), RUNTIME_DIRECTORY: this.#at('run'), FP_VIRTUAL_DEVICE: this.#at('reader.sock'),
      // The second is the name since libfprint 1.94.7.
      FP_DRIVERS_WHITELIST: 'virtual_device', FP_DRIVERS_ALLOWLIST: 'virtual_device',
    });
    const ask = ['net.reactivated.Fprint.Manager.GetDefaultDevice'];
    this.device = await this.#until('fprintd', () => this.#call('net.reactivated.Fprint', MANAGER, ask));
  }

  #start(program, args, more = {}) {
    const child = spawn(program, args, { env: { ...process.env, ...this.#bus, ...more }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#programs.push(child);
    child.on('error', (error) => (this.log += `${program} (.ci/install test installs it): ${error}\n`));
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (this.log += text));
    process.once('exit', () => child.kill('SIGKILL'));
  }

  #until(what, look) {
    return eventually(look, PATIENCE_MS, () => `${what}: not within ${PATIENCE_MS} ms\n${this.log}`);
  }

  /** What a method answers; `null` if it failed. */
  #call(service, object, what) {
    const done = spawnSync('dbus-send', ['--system', '--print-reply=literal', `--dest=${service}`, object, ...what], {
      env: { ...process.env, ...this.#bus }, encoding: 'utf8',
    });
    return done.status === 0 ? done.stdout.trim() : null;
  }

  /** Lays a finger with this print on the reader, as soon as that waits for one. */
  async touch(print) {
    const asks = ['org.freedesktop.DBus.Properties.Get', 'string:net.reactivated.Fprint.Device', 'string:finger-needed'];
    await this.#until('the reader waits', () => this.#call('net.reactivated.Fprint', this.device, asks)?.includes('true'));
    await new Promise((resolve, reject) => {
      const socket = connect(this.#at('reader.sock'), () => socket.end(`SCAN ${print}`));
      socket.on('error', reject).on('close', resolve).resume();
    });
  }

  #program(args) {
    const program = new Running('enum-bridge', ['--data', this.#at('data'), ...args], { env: this.#bus });
    this.#programs.push(program.child);
    return program;
  }

  /** Teaches the reader a finger. */
  async enrol(finger, print) {
    const enrolling = this.#program(['enrol', finger]);
    for (let stage = 0; stage < STAGES; stage += 1) await this.touch(print);
    assert.equal((await enrolling.ended).code, 0, enrolling.log);
  }

  /** Starts enum-bridge for a site. `port` 0 takes a free one; `bridge.port` says which it has. */
  async bridge(origin, port = 0) {
    const bridge = this.#program(['run', '--origin', origin, '--port', String(port)]);
    const line = await bridge.says(/Listening on port \d+/);
    bridge.port = Number(/port (\d+)/.exec(line)[1]);
    return bridge;
  }

  async end() {
    for (const child of this.#programs.reverse()) {
      const isOver = child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
      if (isOver) continue;
      const gone = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      await gone;
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}
