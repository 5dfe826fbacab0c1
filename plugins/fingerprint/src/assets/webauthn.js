// Takes the page's question to the browser's authenticators, and sends what they say.

const place = document.getElementById("webauthn");
const begin = document.getElementById("continue");
const field = document.getElementById("credential");
const trouble = document.getElementById("trouble");
const progress = document.getElementById("progress");

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

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

function withBytes(options) {
  const list = (all) => all?.map((one) => ({ ...one, id: bytes(one.id) }));
  const known = { ...options, challenge: bytes(options.challenge) };
  if (options.user) known.user = { ...options.user, id: bytes(options.user.id) };
  if (options.allowCredentials) known.allowCredentials = list(options.allowCredentials);
  if (options.excludeCredentials) known.excludeCredentials = list(options.excludeCredentials);
  return known;
}

function asJson(credential) {
  const { response } = credential;
  const told = { clientDataJSON: text(response.clientDataJSON) };
  if (response.attestationObject) {
    told.attestationObject = text(response.attestationObject);
    told.transports = response.getTransports?.() ?? [];
  } else {
    told.authenticatorData = text(response.authenticatorData);
    told.signature = text(response.signature);
    told.userHandle = response.userHandle ? text(response.userHandle) : null;
  }
  const { id, type } = credential;
  return { id, rawId: text(credential.rawId), type, clientExtensionResults: {}, response: told };
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
