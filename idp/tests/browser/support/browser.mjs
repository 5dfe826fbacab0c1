// Chromium, and what is looked at on every page.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import axe from 'axe-core';
import puppeteer from 'puppeteer-core';

import { eventually } from './programs.mjs';

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--lang=en', '--accept-lang=en',
];
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 900 };
const SCREENSHOTS = process.env.ENUM_SCREENSHOTS;
if (SCREENSHOTS) mkdirSync(SCREENSHOTS, { recursive: true });

export class Browser {
  static async launch(flags = []) {
    const browser = new Browser();
    browser.profile = mkdtempSync(path.join(tmpdir(), 'enum-chromium-'));
    browser.chromium = await puppeteer.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      headless: true,
      args: [...FLAGS, ...flags],
      userDataDir: browser.profile,
    });
    return browser;
  }

  /** A window that shares no cookies with others. */
  async open({ scripts = true } = {}) {
    const context = await this.chromium.createBrowserContext();
    const page = await context.newPage();
    await page.setViewport(DESKTOP);
    await page.setJavaScriptEnabled(scripts);
    return new Window(page);
  }

  async close() {
    await this.chromium.close();
    rmSync(this.profile, { recursive: true, force: true });
  }
}

/** A window, and the person in front of it. */
export class Window {
  #complaints = [];
  /** Statuses that a page may have: 422 says what was wrong with a form. */
  #statuses = [422];
  /** Parts of complaints that are what this window is after. */
  #overlooked = [];

  constructor(page) {
    this.page = page;
    page.setDefaultTimeout(15_000);
    page.on('pageerror', (error) => this.#complaints.push(`script error: ${error}`));
    page.on('console', (message) => {
      // `response` judges statuses.
      const status = message.text().startsWith('Failed to load resource');
      if (['error', 'warn'].includes(message.type()) && !status) this.#complaints.push(`console: ${message.text()}`);
    });
    page.on('requestfailed', (request) =>
      this.#complaints.push(`${request.url()} failed: ${request.failure()?.errorText}`));
    page.on('response', (response) => {
      const expected = this.#statuses.includes(response.status()) && response.request().isNavigationRequest();
      if (response.status() >= 400 && !expected) this.#complaints.push(`${response.url()}: ${response.status()}`);
    });
  }

  /** Pages with one of these statuses are what this window is after. */
  expects(...statuses) {
    this.#statuses = statuses;
  }

  /** What goes wrong with requests to `address` is what this window is after. */
  overlooks(address) {
    this.#overlooked.push(address);
  }

  /** Nothing was blocked, missing or broken on any page so far. */
  isContent() {
    const is = (complaint) => !this.#overlooked.some((address) => complaint.includes(address));
    assert.deepEqual(this.#complaints.filter(is), []);
  }

  async go(url) {
    await this.page.goto(url);
  }

  /** Clicks what leads to another page. */
  async click(selector) {
    await Promise.all([this.page.waitForNavigation(), this.page.click(selector)]);
  }

  /** Presses the key that leads to another page. */
  async enter() {
    await Promise.all([this.page.waitForNavigation(), this.page.keyboard.press('Enter')]);
  }

  /** Goes from field to field, as those do who have no mouse, until the one with this id has the focus. */
  async tabTo(id) {
    const seen = [];
    for (let steps = 0; steps < 40; steps += 1) {
      const focused = await this.focus();
      if (focused === id) return;
      seen.push(focused);
      await this.page.keyboard.press('Tab');
    }
    assert.fail(`#${id} cannot be reached with the keyboard; the focus went ${seen.join(', ')}`);
  }

  /** Id of the element that has the focus. */
  focus() {
    return this.page.evaluate(() => document.activeElement.id || document.activeElement.localName);
  }

  /** The field is ready to be typed into; browsers focus it a moment after the page is loaded. */
  async focuses(id) {
    await eventually(async () => (await this.focus()) === id, 5_000, () => `#${id} has not got the focus`);
  }

  /** Types into a field, in place of what it holds. */
  async fill(id, text) {
    await this.page.$eval(`#${id}`, (field) => field.select());
    if (text) await this.page.type(`#${id}`, text);
    else await this.page.keyboard.press('Delete');
  }

  text(selector) {
    return this.page.$eval(selector, (element) => element.innerText.trim());
  }

  value(id) {
    return this.page.$eval(`#${id}`, (field) => field.value);
  }

  has(selector) {
    return this.page.$(selector).then((found) => found !== null);
  }

  /** The digits of the number-question; what people see must be the same. */
  async challenge() {
    const { digits, shown } = await this.page.$eval('#challenge', (element) => ({
      digits: element.dataset.challenge,
      shown: element.innerText,
    }));
    assert.match(digits, /^[1-9]\d{7}$/);
    assert.equal(shown.replace(/\s/g, ''), digits);
    return digits;
  }

  /**
   * Looks at the page as on a phone and on a desk, in light and in dark, with the keyboard, and in every language that it
   * offers: nothing is cut off, everything can be reached, and axe has no serious complaint. Keeps pictures where
   * ENUM_SCREENSHOTS says.
   */
  async look(name) {
    await this.#isGood(name);
    await this.#isReachable(name);
    for (const language of await this.#otherLanguages()) await this.#speaks(language, name);
    this.isContent();
  }

  /**
   * What comes out of a printer: how many pages of A4, the text on them, which of `gone` are still to be seen, and the height
   * of what `measured` names, in CSS pixels.
   */
  async onPaper(name, measured, gone) {
    await this.page.emulateMediaType('print');
    const seen = await this.page.evaluate((measured, gone) => ({
      text: document.body.innerText,
      left: gone.filter((selector) => document.querySelector(selector)?.checkVisibility()),
      size: Number.parseFloat(getComputedStyle(document.querySelector(measured)).fontSize),
    }), measured, gone);
    if (SCREENSHOTS) await this.page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`), fullPage: true });
    const paper = Buffer.from(await this.page.pdf({ format: 'A4' })).toString('latin1');
    await this.page.emulateMediaType();
    return { pages: paper.match(/\/Type\s*\/Page\b(?!s)/g).length, ...seen };
  }

  async #isGood(name) {
    for (const theme of ['light', 'dark']) {
      await this.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
      for (const [device, size] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
        await this.page.setViewport(size);
        const width = await this.page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(width <= size.width, `${name} is ${width} wide on a ${device} of ${size.width}`);
        if (SCREENSHOTS) await this.page.screenshot({ path: path.join(SCREENSHOTS, `${name}-${device}-${theme}.png`), fullPage: true });
      }
      await this.#isAccessible(`${name}, ${theme}`);
    }
    await this.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }]);
  }

  /** Tab leads to everything that can be pressed or typed into, and shows where it is. */
  async #isReachable(name) {
    const before = await this.page.evaluateHandle(() => document.activeElement);
    const left = await this.page.evaluate(() => {
      const stops = [...document.querySelectorAll('a[href], button, input, select, textarea, summary')];
      const visible = stops.filter((stop) => !stop.disabled && stop.tabIndex >= 0 && stop.checkVisibility({ visibilityProperty: true }));
      // A group of radio buttons is one stop.
      const group = ({ type, name }) => type === 'radio' && name;
      window.stopsLeft = new Map(visible.map((stop, place) => [group(stop) || stop, stop.id || stop.outerHTML.slice(0, 80) || place]));
      document.activeElement.blur();
      return window.stopsLeft.size;
    });
    // Twice around: the browser goes on from where the focus was.
    for (let steps = 0; steps <= 2 * left + 2; steps += 1) {
      await this.page.keyboard.press('Tab');
      const done = await this.page.evaluate(() => {
        const stop = document.activeElement;
        const shown = getComputedStyle(stop).outlineStyle !== 'none';
        if (shown) window.stopsLeft.delete((stop.type === 'radio' && stop.name) || stop);
        return window.stopsLeft.size === 0;
      });
      if (done) break;
    }
    assert.deepEqual(await this.page.evaluate(() => [...window.stopsLeft.values()]), [], `out of the keyboard's reach on ${name}`);
    await before.evaluate((element) => element.focus());
  }

  /** Languages that the page links to, but the one that it is in. */
  #otherLanguages() {
    return this.page.$$eval('footer a[hreflang]:not([aria-current])', (links) => links.map((link) => link.hreflang));
  }

  /** The same page in another language, in a window of the same person; what was typed here stays. */
  async #speaks(language, name) {
    const other = new Window(await this.page.browserContext().newPage());
    other.expects(...this.#statuses, 200);
    this.#overlooked.forEach((address) => other.overlooks(address));
    const current = 'footer a[aria-current]';
    const here = await this.page.$eval(current, (link) => link.hreflang);
    const links = await this.page.$$eval('footer a[hreflang]', (all) => all.map((link) => [link.hreflang, link.href]));
    const inLanguage = (wanted) => links.find(([language]) => language === wanted)[1];
    await other.page.setJavaScriptEnabled(this.page.isJavaScriptEnabled());
    await other.go(inLanguage(language));
    assert.equal(await other.page.$eval('html', (html) => html.lang), language, `language of ${name}`);
    await other.#isGood(`${name}-${language}`);
    other.isContent();
    await other.go(inLanguage(here));
    await other.page.close();
  }

  async #isAccessible(name) {
    // Protocol, not page: a page's own policy does not apply to what is evaluated here.
    await this.page.evaluate(axe.source);
    const { violations } = await this.page.evaluate(() => window.axe.run(document, { preload: false }));
    const grave = violations
      .filter(({ impact }) => ['serious', 'critical'].includes(impact))
      .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(' ')}`);
    assert.deepEqual(grave, [], `axe on ${name}`);
  }
}
