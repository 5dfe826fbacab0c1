// The other way to answer: enum-bridge, a program of the person's own that has this computer's fingerprint reader.

import { answer, asked, complain } from "./webauthn.js";

const place = document.getElementById("bridge");
const button = document.getElementById("use-bridge");
const begin = document.getElementById("continue");
const about = document.getElementById("bridge-permission");
const trouble = document.getElementById("trouble");
const progress = document.getElementById("progress");

/** Texts of the page for what enum-bridge may refuse with. */
const TROUBLES = {
  "already-here": "already",
  busy: "bridgeBusy",
  disabled: "bridgeDisabled",
  "no-key": "bridgeNoKey",
  "no-reader": "bridgeNoReader",
  "not-enrolled": "bridgeNotEnrolled",
  "not-recognised": "cancelled",
  paused: "bridgePaused",
  "timed-out": "cancelled",
};

/** Texts for when the bridge was not reached. A refusal by the browser, no program at that port, and one that does not list
 * this site look alike to a page; only the permission tells more. Where people are not asked it is `unknown`. */
const UNREACHED = { denied: "bridgeRefused", prompt: "bridgeUnreached", granted: "bridgeAbsent", unknown: "bridgeAbsent" };

/** The browser's permission to talk to programs of this computer; `null` where it has none. */
async function permission() {
  // Its name since Chromium 145, and before.
  for (const name of ["loopback-network", "local-network-access"]) {
    try {
      return await navigator.permissions.query({ name });
    } catch {
      // A name that this browser does not have.
    }
  }
  return null;
}

const states = permission();

async function state() {
  return (await states)?.state ?? "unknown";
}

/** What is to know of the permission goes before the button: that it will be asked for, or that it was refused. */
async function prepare() {
  const now = await state();
  about.hidden = now === "granted";
  about.textContent = now === "denied" ? place.dataset.refused : place.dataset.asks;
  // Who has allowed it before has used it before.
  if (now === "granted") place.open = true;
}

async function send({ what, options }) {
  const reply = await fetch(`http://127.0.0.1:${place.dataset.port}/v1/${what}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Enum-Bridge": "1" },
    body: JSON.stringify({ publicKey: options }),
  });
  return { worked: reply.ok, said: await reply.json() };
}

/** What went wrong, by the name of one of the page's texts; nothing if the answer is on its way. */
async function problem() {
  try {
    const { worked, said } = await send(asked());
    if (!worked) return TROUBLES[said.error] ?? "failed";
    answer(said);
    return undefined;
  } catch {
    return UNREACHED[await state()];
  }
}

async function ask() {
  begin.disabled = button.disabled = true;
  trouble.hidden = true;
  progress.textContent = place.dataset.progress;
  const name = await problem();
  if (!name) return;
  complain(name);
  button.disabled = false;
  button.focus();
}

button.addEventListener("click", ask);
(await states)?.addEventListener("change", prepare);
await prepare();
place.hidden = false;
