// Chromium's own virtual authenticator: a fingerprint reader that says what it is told to.

export class Authenticator {
  /** One in this window, with a finger that it knows. */
  static async in(window, { transport = 'internal' } = {}) {
    const authenticator = new Authenticator();
    authenticator.protocol = await window.page.createCDPSession();
    await authenticator.protocol.send('WebAuthn.enable');
    const { authenticatorId } = await authenticator.protocol.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2', ctap2Version: 'ctap2_1', transport, hasResidentKey: true, hasUserVerification: true,
        isUserVerified: true, automaticPresenceSimulation: true,
      },
    });
    authenticator.id = authenticatorId;
    return authenticator;
  }

  /** Whether the finger is one that it knows. */
  recognises(isUserVerified) {
    return this.protocol.send('WebAuthn.setUserVerified', { authenticatorId: this.id, isUserVerified });
  }

  /** Whether somebody touches it whenever it asks; while nobody does, it waits. */
  touches(enabled) {
    return this.protocol.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId: this.id, enabled });
  }

  /** What it holds. */
  async credentials() {
    const { credentials } = await this.protocol.send('WebAuthn.getCredentials', { authenticatorId: this.id });
    return credentials;
  }
}
