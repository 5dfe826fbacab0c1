// The real programs, as `cargo build` left them: run to their end, or started and ended.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';

const DIR = path.resolve(process.env.ENUM_TARGET_DIR ?? path.join(import.meta.dirname, '../../../../target/debug'));
const ENDS_WITHIN_MS = 5_000;
const FINISHES_WITHIN_MS = 45_000;
const ANSWERS_WITHIN_MS = 60_000;

/** Where a program or a plugin file is. */
export const built = (name) => path.join(DIR, name);

/** Our environment without settings of the provider, which reads every `ENUM_…`. */
function environment(more = {}) {
  const plain = Object.entries(process.env).filter(([name]) => !name.startsWith('ENUM_'));
  return { ...Object.fromEntries(plain), ...more };
}

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
// Whoever breaks the tests off leaves nothing running either.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

/** A program that was started. */
export class Running {
  /** All that it has written so far. */
  log = '';

  constructor(name, args, { env, cwd } = {}) {
    this.name = name;
    this.child = spawn(built(name), args, { cwd, env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(this.child);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (this.log += text));
    }
    this.ended = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', (code, signal) => {
        running.delete(this.child);
        resolve({ code, signal });
      });
    });
    // Whoever waits for the end sees the failure; without this it would also end the test runner.
    this.ended.catch(() => {});
  }

  /** Waits until `url` answers with success. */
  async answers(url) {
    const until = Date.now() + ANSWERS_WITHIN_MS;
    const early = this.ended.then(({ code, signal }) => {
      throw new Error(`${this.name} ended (${code ?? signal}) before it answered:\n${this.log}`);
    });
    early.catch(() => {});
    while (Date.now() < until) {
      const ready = await Promise.race([early, fetch(url).then((reply) => reply.ok, () => false)]);
      if (ready) return;
      await pause(50);
    }
    throw new Error(`${this.name} does not answer at ${url}:\n${this.log}`);
  }

  /** Waits until the log has a line that matches. */
  async says(pattern, withinMs = 20_000) {
    return eventually(() => this.log.split('\n').find((line) => pattern.test(line)), withinMs, () =>
      `${this.name} did not say ${pattern}:\n${this.log}`);
  }

  /** SIGTERM; gives how it ended and how long that took. What does not heed it is killed. */
  async stop() {
    const since = Date.now();
    this.child.kill('SIGTERM');
    const killer = setTimeout(() => this.child.kill('SIGKILL'), ENDS_WITHIN_MS);
    const end = await this.ended;
    clearTimeout(killer);
    return { ...end, ms: Date.now() - since };
  }
}

/** Runs a program to its end; what does not come to one is killed. */
export async function run(name, args, options) {
  const program = new Running(name, args, options);
  let output = '';
  program.child.stdout.on('data', (text) => (output += text));
  const killer = setTimeout(() => program.child.kill('SIGKILL'), FINISHES_WITHIN_MS);
  const { code, signal } = await program.ended;
  clearTimeout(killer);
  return { code: code ?? signal, output: output.trim(), log: program.log };
}

/** As `run`, for a program that must succeed; its standard output. */
export async function output(name, args, options) {
  const { code, output, log } = await run(name, args, options);
  assert.equal(code, 0, `${name} ${args.join(' ')}:\n${log}`);
  return output;
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The first thing that `look` finds. */
export async function eventually(look, withinMs, complaint) {
  const until = Date.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > until) throw new Error(complaint());
    await pause(50);
  }
}
