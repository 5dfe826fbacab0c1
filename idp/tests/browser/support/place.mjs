// One provider of its own, with all that belongs to it: directory, configuration, outbox, example website and shop.

import { randomBytes, randomInt } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { Pad } from './pad.mjs';
import { Running, built, eventually, output } from './programs.mjs';

/** A page that is looked at is opened a dozen times within seconds, more often than a person would. */
const ROOM = { challenges_per_minute: 1000, email_challenges_per_minute: 1000 };

export class Place {
  /** What was started here. */
  programs = [];

  /** A directory, ports and the SHA-256 of the plugins. Nothing runs yet. */
  static async make(plugins = ['libcipherpad.so', 'libmerchant.so']) {
    const place = new Place();
    place.dir = mkdtempSync(path.join(tmpdir(), 'enum-browser-'));
    place.ports = await freePorts(3);
    [place.issuer, place.website, place.shop] = place.ports.map((port) => `http://localhost:${port}`);
    place.outbox = place.at('outbox');
    mkdirSync(place.outbox);
    place.plugins = await Promise.all(plugins.map((name) => place.#pinned(name)));
    return place;
  }

  /** A path in the directory. */
  at(name) {
    return path.join(this.dir, name);
  }

  /** An entry of `plugins.enabled`: a copy, since a build that goes on meanwhile would change what was pinned. */
  async #pinned(name) {
    copyFileSync(built(name), this.at(name));
    const told = await output('enum-idp', ['plugin', 'inspect', '--json', this.at(name)]);
    return `${this.at(name)}@${JSON.parse(told).sha256}`;
  }

  write(name, content) {
    writeFileSync(this.at(name), content, { mode: 0o600 });
    return this.at(name);
  }

  /**
   * Writes the configuration and gives its path. `changes` are laid over the usual one; the value `undefined` takes a
   * key out.
   */
  configure(changes = {}) {
    const { clients, limits, ...others } = changes;
    if (clients) this.write('clients.json', JSON.stringify(clients));
    const url = `file:${this.outbox}`;
    const settings = {
      issuer: this.issuer,
      listen: `127.0.0.1:${this.ports[0]}`,
      data_dir: this.at('provider'),
      clients_file: clients && this.at('clients.json'),
      mail: { url },
      sms: { url },
      plugins: { enabled: this.plugins },
      limits: { ...ROOM, ...limits },
      ...others,
    };
    const isTable = ([, value]) => typeof value === 'object' && !Array.isArray(value);
    const lines = (entries) =>
      entries.filter(([, value]) => value !== undefined).map(([key, value]) => `${key} = ${toml(value)}\n`).join('');
    const entries = Object.entries(settings);
    const tables = entries.filter(isTable).map(([name, table]) => `\n[${name}]\n${lines(Object.entries(table))}`);
    const text = lines(entries.filter((entry) => !isTable(entry))) + tables.join('');
    return this.write('enum.toml', text);
  }

  /** Starts a program that belongs here and is ended with it. */
  start(name, args, options) {
    const program = new Running(name, args, { cwd: this.dir, ...options });
    this.programs.push(program);
    return program;
  }

  /** Starts the provider with what `configure` wrote, and waits until it is ready. */
  async serve() {
    this.provider = this.start('enum-idp', ['serve', '--config', this.at('enum.toml')]);
    await this.provider.answers(`${this.issuer}/readyz`);
    return this.provider;
  }

  /** Provider, example website and example shop. `changes` are those of `configure`; its `clients` are added. */
  async serveAll(changes = {}) {
    const secret = randomBytes(16).toString('hex');
    const shopKey = this.at('shop-key.pem');
    const key = await output('example-shop', ['--make-key', '--key-file', shopKey]);
    const clients = [website(this.website, secret), shop(this.shop, JSON.parse(key)), ...(changes.clients ?? [])];
    this.configure({ ...changes, clients });
    await this.serve();
    const example = (name, url, port, id, ...more) =>
      this.start(name, ['--issuer', this.issuer, '--base-url', url, '--listen', `127.0.0.1:${port}`, '--client-id', id, ...more])
        .answers(url);
    await Promise.all([
      example('example-relying-party', this.website, this.ports[1], 'website', '--client-secret-file', this.write('secret', secret)),
      example('example-shop', this.shop, this.ports[2], 'shop', '--key-file', shopKey),
    ]);
  }

  /** An account with an activated pad. */
  async person(email, names = ['Linh', 'Tran']) {
    const told = await output('enum-idp', [
      'account', 'create', '--config', this.at('enum.toml'), '--json', '--activate',
      '--email', email, '--phone', '+84912345679', '--first-name', names[0], '--last-name', names[1],
    ]);
    const pad = this.pad(email);
    await pad.activate(this.issuer, email, JSON.parse(told).code);
    return { email, pad };
  }

  /** An account, and the link to set up the method of a page. */
  async invited(email, factor) {
    return (await this.begins(email, factor)).link;
  }

  /** An account with a method that is to be set up: the link, and the code if the method has sent one. */
  async begins(email, factor) {
    const told = await output('enum-idp', [
      'account', 'create', '--config', this.at('enum.toml'), '--json', '--activate', '--factor', factor,
      '--email', email, '--phone', '+84912345670', '--first-name', 'Linh', '--last-name', 'Tran',
    ]);
    return JSON.parse(told);
  }

  /** A link for somebody who has an account. */
  async enrols(email, factor) {
    return (await this.adds(email, factor)).link;
  }

  /** The same with the code, if the method has sent one. */
  async adds(email, factor) {
    const told = await output('enum-idp', [
      'account', 'enrol', '--config', this.at('enum.toml'), '--json', '--factor', factor, '--email', email,
    ]);
    return JSON.parse(told);
  }

  /** An account loses all that it has of a method. */
  forgets(email, factor) {
    return output('enum-idp', [
      'account', 'unenrol', '--config', this.at('enum.toml'), '--json', '--factor', factor, '--email', email,
    ]);
  }

  /** A cipherpad with a store of its own. */
  pad(name) {
    return new Pad(this.at(`${name}.pad.json`));
  }

  /** Text of the message to `recipient` that contains `mark`, as soon as the provider has sent it. */
  async message(recipient, mark) {
    const [first] = await this.messages(recipient, mark, 1);
    return first;
  }

  /** Messages to `recipient` that contain `mark`, oldest first, as soon as there are so many. */
  async messages(recipient, mark, count) {
    const find = () => {
      const found = readdirSync(this.outbox)
        .filter((name) => name.endsWith('.json'))
        .sort()
        .map((name) => JSON.parse(readFileSync(path.join(this.outbox, name), 'utf8')))
        .filter((message) => message.to === recipient && message.text.includes(mark));
      return found.length >= count && found;
    };
    return eventually(find, 20_000, () => `no ${count} messages to ${recipient} with ${mark}`);
  }

  /** Ends all programs and takes the directory away. */
  async end() {
    await Promise.allSettled(this.programs.map((program) => program.stop()));
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Strings, numbers and lists of them are written alike in JSON and TOML; objects are not. */
function toml(value) {
  if (Array.isArray(value)) return `[${value.map(toml).join(', ')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{ ${entries.map(([key, member]) => `${JSON.stringify(key)} = ${toml(member)}`).join(', ')} }`;
}

/** Tests around a place: when one fails, the logs of all its programs are shown. */
export const stepsAt = (place) => (name, body) =>
  test(name, async (t) => {
    try {
      await body(t);
    } catch (failure) {
      for (const { name, log } of place().programs) console.error(`--- log of ${name}\n${log}`);
      throw failure;
    }
  });

const website = (url, secret) => ({
  client_id: 'website',
  client_name: 'Example website',
  client_secret: secret,
  redirect_uris: [`${url}/callback`],
  post_logout_redirect_uris: [`${url}/`],
  grant_types: ['authorization_code', 'refresh_token'],
});

const shop = (url, key) => ({
  client_id: 'shop',
  client_name: 'Example shop',
  redirect_uris: [`${url}/callback`],
  token_endpoint_auth_method: 'private_key_jwt',
  jwks: { keys: [key] },
  authorization_details_types: ['payment_initiation'],
  grant_types: ['authorization_code', 'urn:openid:params:grant-type:ciba'],
  backchannel_token_delivery_mode: 'poll',
});

/** The first of `count` ports in a row that nobody listens on. */
export async function freePorts(count) {
  for (let tries = 0; tries < 50; tries += 1) {
    const first = randomInt(20_000, 32_000);
    const ports = Array.from({ length: count }, (_, index) => first + index);
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return ports;
  }
  throw new Error(`no ${count} free ports in a row`);
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
