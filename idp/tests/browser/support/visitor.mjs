// A person whose browser has no scripts: cookies, redirects and forms over fetch.

import assert from 'node:assert/strict';

export class Visitor {
  #cookies = new Map();

  /** A visitor of this origin; whatever leads away from it is not followed. */
  constructor(origin) {
    this.origin = origin;
  }

  /** Opens an address; gives where the browser was sent away to, if it was. */
  async go(address) {
    return this.#follow(new URL(address, this.origin), { method: 'GET' });
  }

  /** Presses the button with this id, with `fields` typed into its form. */
  async press(button, fields = {}) {
    const form = this.form(button);
    const body = new URLSearchParams({ ...form.fields, ...fields });
    return this.#follow(new URL(form.action || this.at, this.at), { method: 'POST', body });
  }

  async #follow(url, request) {
    for (let hops = 0; hops < 12; hops += 1) {
      if (url.origin !== this.origin) return url;
      const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const reply = await fetch(url, { ...request, redirect: 'manual', headers: { cookie, 'accept-language': 'en' } });
      this.#keep(reply.headers.getSetCookie());
      const location = reply.headers.get('location');
      this.html = await reply.text();
      this.status = reply.status;
      this.at = url;
      if (!location) return undefined;
      url = new URL(location, url);
      request = { method: 'GET' };
    }
    throw new Error(`too many redirects, last to ${url}`);
  }

  #keep(cookies) {
    for (const cookie of cookies) {
      const [name, value] = cookie.split(';')[0].split(/=(.*)/s);
      if (/;\s*max-age=0\b/i.test(cookie)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }

  /** Action and fields of the form that a button belongs to, with those that the page has filled in. */
  form(button) {
    const at = this.html.indexOf(`id="${button}"`);
    assert.notEqual(at, -1, `${this.at} has no button ${button}: ${this.text()}`);
    const start = this.html.lastIndexOf('<form', at);
    const inside = this.html.slice(start, this.html.indexOf('</form>', at));
    const inputs = [...inside.matchAll(/<input\b[^>]*>/g)].map(([tag]) => attributes(tag));
    const pressed = attributes(this.html.slice(this.html.lastIndexOf('<', at), this.html.indexOf('>', at) + 1));
    const filled = inputs.filter(({ name, type, checked }) => name && (type !== 'radio' || checked !== undefined));
    const fields = Object.fromEntries([...filled, pressed].filter(({ name }) => name).map(({ name, value }) => [name, value ?? '']));
    return { action: attributes(inside.slice(0, inside.indexOf('>') + 1)).action, fields };
  }

  /** The digits of the number-question. */
  challenge() {
    const found = /data-challenge="(\d+)"/.exec(this.html);
    assert.ok(found, `${this.at} shows no challenge: ${this.text()}`);
    return found[1];
  }

  text() {
    return words(this.html.slice(this.html.indexOf('<main')));
  }
}

/** Answers whatever a login asks, until the browser is sent back to the website; gives that address. */
export async function logIn(visitor, address, { email, pad }) {
  let left = await visitor.go(address);
  if (!left && visitor.html.includes('id="email"')) left = await visitor.press('continue', { email });
  if (!left && visitor.html.includes('id="challenge"')) {
    left = await visitor.press('continue', { answer: await pad.answer(visitor.challenge()) });
  }
  if (!left && visitor.html.includes('id="allow"')) left = await visitor.press('allow');
  return left;
}

/** Fills in the registration form, and goes on in the language `lang`. */
export async function register(visitor, email, name = 'Anna', lang = 'en') {
  await visitor.go('/register?lang=en');
  const question = /<label for="sum">([^<]*)</.exec(visitor.html)[1];
  if (lang !== 'en') {
    // The form stays the one whose question can be read.
    const { html } = visitor;
    await visitor.go(`/register?lang=${lang}`);
    visitor.html = html;
  }
  await visitor.press('continue', {
    first_name: name, last_name: 'Nguyen', email, phone: '+84 912 345 678',
    question: 'pet', security_answer: 'Whiskers', sum: String(sum(question)),
  });
}

const NUMBERS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve'];

/** "… What is three plus four?" → 7 */
export function sum(question) {
  const found = question.toLowerCase().split(/[^a-z]+/).map((word) => NUMBERS.indexOf(word)).filter((number) => number >= 0);
  assert.equal(found.length, 2, `no sum in ${question}`);
  return found[0] + found[1];
}

function attributes(tag) {
  const found = [...tag.matchAll(/\s([\w-]+)(?:="([^"]*)")?/g)];
  return Object.fromEntries(found.map(([, name, value]) => [name, unescaped(value ?? '')]));
}

const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"' };

export function unescaped(text) {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) =>
    name ? (ENTITIES[name] ?? whole) : String.fromCodePoint(hex ? parseInt(hex, 16) : Number(decimal)));
}

const words = (html) => unescaped(html.replace(/<[^>]*>/g, ' ')).replace(/\s+/g, ' ').trim().slice(0, 600);
