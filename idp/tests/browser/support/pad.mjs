// A cipherpad: `enum-pad` with a store of its own.

import { output } from './programs.mjs';

const PIN = '826491';

export class Pad {
  constructor(store) {
    this.store = store;
  }

  #run(...args) {
    return output('enum-pad', ['--store', this.store, ...args], { env: { ENUM_PAD_PIN: PIN } });
  }

  activate(issuer, email, code) {
    return this.#run('activate', '--url', issuer, '--email', email, '--code', code);
  }

  /** The answer to the question of a login. */
  answer(challenge) {
    return this.#run('answer', challenge);
  }

  /** The answer that approves one payment. */
  pay(challenge, purse, amount) {
    return this.#run('pay', challenge, '--purse', purse, '--amount', amount);
  }

  /** The answer that approves one operation, with its amount if it has one. */
  operation(challenge, check, amount) {
    return this.#run('operation', challenge, '--check', check, ...(amount ? ['--amount', amount] : []));
  }
}
