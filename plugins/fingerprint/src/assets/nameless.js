// Offers passkeys on the page that asks people who they are: among the suggestions of its field, where the browser can do
// that (conditional mediation), and by a button.

import { asJson, withBytes } from "./credential.js";

const place = document.getElementById("webauthn");
const offer = document.getElementById("passkey");
const button = document.getElementById("use-passkey");
const field = document.getElementById("credential");
const trouble = document.getElementById("trouble");
const progress = document.getElementById("progress");

/** Browsers take one question at a time: each begins by ending the last. */
let waiting = new AbortController();

async function ask(mediation) {
  waiting.abort();
  waiting = new AbortController();
  const publicKey = withBytes(JSON.parse(place.dataset.options));
  const credential = await navigator.credentials.get({ publicKey, mediation, signal: waiting.signal });
  field.value = JSON.stringify(asJson(credential));
  field.form.submit();
}

/** Waits until the person takes a passkey from what the field suggests. */
async function suggest() {
  const can = await PublicKeyCredential.isConditionalMediationAvailable?.();
  if (!can || button.disabled) return;
  try {
    await ask("conditional");
  } catch {
    // Ended by the button or by the address, or nobody wanted it: the page is as it was.
  }
}

function ready() {
  progress.textContent = "";
  button.disabled = false;
  suggest();
}

async function press() {
  button.disabled = true;
  trouble.hidden = true;
  progress.textContent = place.dataset.progress;
  try {
    await ask();
  } catch (error) {
    const stopped = ["NotAllowedError", "AbortError"].includes(error.name);
    trouble.textContent = stopped ? place.dataset.troubleCancelled : place.dataset.troubleFailed;
    trouble.hidden = false;
    ready();
    button.focus();
  }
}

if (window.PublicKeyCredential) {
  offer.hidden = false;
  button.addEventListener("click", press);
  for (const form of document.forms) form.addEventListener("submit", () => waiting.abort());
  // Back from where an answer has led to.
  addEventListener("pageshow", ({ persisted }) => persisted && ready());
  suggest();
}
