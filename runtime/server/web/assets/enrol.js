// Makes a passkey for this page. What it is worth is decided by the server, which verifies the registration.
import { bytes, main, post, status, text } from "/passkey.js";

const button = document.getElementById("enrol");

async function enrol() {
  button.disabled = true;
  status.textContent = "Use your fingerprint reader, your face, your PIN or your security key now.";
  try {
    const { publicKey } = await post("begin", {});
    const made = await navigator.credentials.create({
      publicKey: {
        ...publicKey,
        challenge: bytes(publicKey.challenge),
        user: { ...publicKey.user, id: bytes(publicKey.user.id) },
        excludeCredentials: (publicKey.excludeCredentials || []).map((known) => ({ ...known, id: bytes(known.id) })),
      },
    });
    await post("finish", {
      id: made.id,
      rawId: text(made.rawId),
      type: made.type,
      response: {
        attestationObject: text(made.response.attestationObject),
        clientDataJSON: text(made.response.clientDataJSON),
      },
      extensions: {},
    });
    main.dataset.state = "enrolled";
    status.textContent = "Enrolled. The terminal says what comes next; you can close this tab.";
    button.remove();
  } catch (error) {
    const cancelled = error.name === "NotAllowedError";
    const known = error.name === "InvalidStateError";
    status.textContent = cancelled ? "No passkey was made. You can try again."
      : known ? "This authenticator is enrolled already." : error.message;
    button.disabled = false;
  }
}

button.addEventListener("click", enrol);
button.disabled = false;
button.focus();
