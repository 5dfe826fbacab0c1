// Between the JSON that travels and what browsers work with (WebAuthn Level 3, §5.1.7 to §5.1.10): not all can do it themselves.

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

/** Options for the browser, with bytes where the JSON has base64url text. */
export function withBytes(options) {
  const list = (all) => all?.map((one) => ({ ...one, id: bytes(one.id) }));
  const known = { ...options, challenge: bytes(options.challenge) };
  if (options.user) known.user = { ...options.user, id: bytes(options.user.id) };
  if (options.allowCredentials) known.allowCredentials = list(options.allowCredentials);
  if (options.excludeCredentials) known.excludeCredentials = list(options.excludeCredentials);
  return known;
}

/** What the browser gave, as AuthenticationResponseJSON or RegistrationResponseJSON. */
export function asJson(credential) {
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
