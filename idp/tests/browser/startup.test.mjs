// A provider that cannot start says what is wrong and what to do, and one that is told to stop does.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Place, stepsAt } from './support/place.mjs';
import { built, output, run } from './support/programs.mjs';

const HEADER = path.join(import.meta.dirname, '../../../plugin-api/include');

describe('enum-idp serve', { timeout: 150_000 }, () => {
  let place;

  before(async () => {
    place = await Place.make();
  });

  after(() => place?.end());

  const step = stepsAt(() => place);

  /** Starts with a configuration that must be refused; the explanation names each of `words`. */
  async function refused(changes, ...words) {
    return refusedWith(place.configure(changes), {}, ...words);
  }

  async function refusedWith(config, env, ...words) {
    const { code, log } = await run('enum-idp', ['serve', '--config', config], { env, cwd: place.dir });
    assert.equal(code, 1, log);
    for (const word of words) assert.ok(log.includes(word), `no word of ${word} in: ${log}`);
    assert.ok(!log.includes('panicked'), log);
    assert.ok(!log.includes('serving'), log);
    return log;
  }

  /** A plugin entry with a pin that is right. */
  const pin = (file) => `${file}@${sha256(file)}`;
  const sha256 = (file) => execFileSync('sha256sum', [file], { encoding: 'utf8' }).split(' ')[0];
  const plugins = (...enabled) => ({ plugins: { enabled } });
  const zeros = '0'.repeat(64);

  /** Compiles C into a shared library. */
  function library(name, source) {
    const file = place.write(`${name}.c`, source);
    execFileSync('cc', ['-shared', '-fPIC', '-I', HEADER, '-o', place.at(`${name}.so`), file], { stdio: 'pipe' });
    return place.at(`${name}.so`);
  }

  step('a plugin file that is missing', async () => {
    await refused(plugins(`${place.at('none.so')}@${zeros}`), place.at('none.so'), 'no such file', 'build or install');
  });

  step('a plugin file that cannot be read', async () => {
    mkdirSync(place.at('folder.so'));
    await refused(plugins(`${place.at('folder.so')}@${zeros}`), place.at('folder.so'), 'cannot be read', 'let the server');
  });

  const isRoot = process.getuid() === 0 && 'root may read everything';
  test('a plugin file that the server may not read', { skip: isRoot }, async () => {
    const file = place.write('closed.so', 'x');
    chmodSync(file, 0);
    await refused(plugins(`${file}@${zeros}`), file, 'cannot be read', 'let the server');
  });

  step('a plugin file that was altered', async () => {
    const file = place.at('altered.so');
    copyFileSync(built('libcipherpad.so'), file);
    const entry = pin(file);
    const bytes = readFileSync(file);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(file, bytes);
    await refused(plugins(entry), file, 'altered', sha256(file), entry.split('@')[1], 'enum-idp plugin inspect');
  });

  step('a plugin file that is cut off, with a pin that is right', async () => {
    const file = place.at('short.so');
    const bytes = readFileSync(built('libcipherpad.so'));
    writeFileSync(file, bytes.subarray(0, 64 * 1024));
    await refused(plugins(pin(file)), file, 'cut off', 'build or copy it again');
  });

  step('a plugin for another version of the contract', async () => {
    const file = library('future', `
      #include <enum_plugin.h>
      static int32_t create(const enum_host *h, enum_bytes s, void **self, enum_sink e) { return ENUM_ERROR; }
      static int32_t call(void *self, enum_bytes m, enum_bytes j, enum_sink r) { return ENUM_UNKNOWN; }
      static void destroy(void *self) {}
      static const enum_plugin table = { ENUM_MAGIC, ENUM_MAJOR + 1, 0, sizeof(enum_plugin), 1, create, call, destroy };
      const enum_plugin *enum_plugin_v1(void) { return &table; }
    `);
    await refused(plugins(pin(file)), file, 'version 2', 'version 1', 'rebuild');
  });

  step('a library that is no plugin', async () => {
    const file = library('other', 'int other(void) { return 0; }');
    await refused(plugins(pin(file)), file, 'does not export', 'enum_plugin_v1', 'export_factor!');
  });

  step('a plugin without a pin', async () => {
    await refused(plugins(built('libcipherpad.so')), 'plugins.enabled', 'PATH@SHA256', 'enum-idp plugin inspect');
  });

  step('one plugin twice', async () => {
    await refused(plugins(place.plugins[0], place.plugins[0]), 'libcipherpad.so', 'already taken', 'remove one');
  });

  step('a database that cannot be reached, without its password', async () => {
    const log = await refused({ database_url: 'postgres://enum:hunter2@127.0.0.1:1/enum' }, 'database', '127.0.0.1:1', 'refused');
    assert.ok(!log.includes('hunter2'), log);
  });

  step('a database of a kind that is not known', async () => {
    await refused({ database_url: 'mysql://127.0.0.1/enum' }, 'database', 'mysql', 'postgres');
  });

  step('a configuration file that is missing, or not TOML', async () => {
    await refusedWith(place.at('nowhere.toml'), {}, place.at('nowhere.toml'), 'cannot read the configuration');
    await refusedWith(place.write('bad.toml', 'issuer = \n'), {}, 'bad.toml', 'not valid TOML', 'line 1');
  });

  step('a key that does not exist, in the file or in the environment', async () => {
    await refused({ lissen: '127.0.0.1:1' }, 'unknown field', 'lissen', 'listen');
    await refused({ limits: { code_secondz: 5 } }, 'unknown field', 'code_secondz', 'code_seconds');
    await refusedWith(place.configure(), { ENUM_MIAL__URL: 'file:x' }, 'unknown field', 'mial', 'mail');
  });

  step('a value that makes no sense', async () => {
    await refused({ issuer: 'http://id.example' }, '`issuer`', 'https');
    await refused({ limits: { challenge_seconds: 301 } }, '`limits.challenge_seconds`', '30 to 300');
    await refused({ listen: 'here' }, 'listen');
    await refused({ mail: { url: 'carrier-pigeon:loft' } }, '`mail.url`', 'smtp://');
    await refused({ sms: { url: 'smoke:hill' } }, '`sms.url`', 'file:');
  });

  step('a list of clients that is missing, is no JSON, or has a client without a secret', async () => {
    await refused({ clients_file: place.at('none.json') }, 'clients_file', place.at('none.json'));
    await refused({ clients_file: place.write('broken.json', '[') }, 'clients_file', 'broken.json', 'JSON array');
    const redirect_uris = ['http://localhost:9/callback'];
    await refused({ clients: [{ client_id: 'x', redirect_uris }] }, '`client_secret` is missing', 'token_endpoint_auth_method');
    const twice = { client_id: 'x', client_secret: 's', redirect_uris };
    await refused({ clients: [twice, twice] }, '`client_id`', 'taken');
  });

  step('an address that somebody else listens on', async () => {
    place.configure();
    await place.serve();
    await refused({}, 'cannot listen', String(place.ports[0]));
    await place.provider.stop();
  });

  step('a master key that is not the one of the data', async () => {
    const config = place.configure();
    await place.serve();
    await place.provider.stop();
    const other = 'ab'.repeat(32);
    await refusedWith(config, { ENUM_MASTER_KEY: other }, 'master key', 'restore', 'ENUM_MASTER_KEY');
    const file = place.at('provider/master.key');
    const right = readFileSync(file);
    rmSync(file);
    await refusedWith(config, {}, 'master key', 'restore');
    writeFileSync(file, 'short', { mode: 0o600 });
    await refusedWith(config, {}, 'master.key', '64 hexadecimal digits');
    writeFileSync(file, right);
    chmodSync(file, 0o644);
    await refusedWith(config, {}, 'master.key', 'chmod 600');
    chmodSync(file, 0o600);
    await place.serve();
    await place.provider.stop();
  });

  step('a directory of data that anybody can write to', async () => {
    const open = place.at('open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    await refused({ data_dir: open }, open, 'chmod o-w');
  });

  step('stops on SIGTERM within 5 seconds, with clients that hold on to it', async () => {
    place.configure();
    await place.serve();
    const hold = async (text) => {
      const socket = connect(place.ports[0], '127.0.0.1');
      socket.on('error', () => {});
      await new Promise((resolve) => socket.on('connect', resolve));
      if (text) await new Promise((resolve) => socket.write(text, resolve));
      return socket;
    };
    const sockets = [
      await hold(),
      await hold('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
      await hold('GET / HTTP/1.1\r\nHost: loc'),
      await hold('POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ngrant_'),
    ];
    await new Promise((resolve) => sockets[1].once('data', resolve));
    const { code, signal, ms } = await place.provider.stop();
    sockets.forEach((socket) => socket.destroy());
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, `after ${ms} ms`);
  });

  step('settings of the environment stand above those of the file', async () => {
    const config = place.configure({ issuer: 'http://localhost:1' });
    const keys = await output('enum-idp', ['keys', 'list', '--json', '--config', config], { env: { ENUM_ISSUER: place.issuer } });
    assert.ok(JSON.parse(keys).length > 0);
  });
});
