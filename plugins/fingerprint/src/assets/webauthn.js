// Takes the page's question to the browser's authenticators, and sends what they say.

import { asJson, withBytes } from "./credential.js";

const place = document.getElementById("webauthn");
const begin = document.getElementById("continue");
const field = document.getElementById("credential");
const trouble = document.getElementById("trouble");
const progress = document.getElementById("progress");

/** What is asked: `create` or `get`, and the options, binary values as base64url text. */
export function asked() {
  return { what: place.dataset.do, options: JSON.parse(place.dataset.options) };
}

/** Sends an answer: a RegistrationResponseJSON or an AuthenticationResponseJSON. */
export function answer(credential) {
  field.value = JSON.stringify(credential);
  field.form.submit();
}

/** Says what went wrong, by the name of one of the page's texts, and lets the person begin again. */
export function complain(name) {
  trouble.textContent = place.dataset[`trouble${name[0].toUpperCase()}${name.slice(1)}`] ?? place.dataset.troubleFailed;
  trouble.hidden = false;
  progress.textContent = "";
  begin.disabled = false;
}

const TROUBLES = {
  NotAllowedError: "cancelled",
  AbortError: "cancelled",
  InvalidStateError: "already",
  NotSupportedError: "unfit",
  ConstraintError: "unfit",
};

async function ask() {
  begin.disabled = true;
  trouble.hidden = true;
  progress.textContent = place.dataset.progress;
  const { what, options } = asked();
  try {
    const credential = await navigator.credentials[what]({ publicKey: withBytes(options) });
    answer(asJson(credential));
  } catch (error) {
    complain(TROUBLES[error.name] ?? "failed");
    begin.focus();
  }
}

begin.hidden = false;
if (begin.autofocus) begin.focus();
begin.addEventListener("click", ask);
// Enter in the name's field means the same.
field.form.addEventListener("submit", (event) => {
  if (!event.submitter && !field.value) {
    event.preventDefault();
    ask();
  }
});
const name = document.getElementById("name");
if (name && !name.value) {
  name.value = navigator.userAgentData?.platform || navigator.platform || "";
}
if (!window.PublicKeyCredential) {
  complain("unsupported");
  begin.hidden = true;
}
