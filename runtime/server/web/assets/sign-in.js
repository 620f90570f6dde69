// Signs this browser in with a passkey. The server verifies the signature; what it is good for is a session, and no approval.
"use strict";

const status = document.getElementById("status");
const button = document.getElementById("sign-in");

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

async function post(action, body) {
  const answer = await fetch(`/sign-in/${action}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    credentials: "same-origin",
    redirect: "error",
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.error || "The host did not answer as expected; reload the page.");
  return told;
}

async function signIn() {
  button.disabled = true;
  status.textContent = "Use your passkey now.";
  try {
    const asked = await post("begin", {});
    const given = await navigator.credentials.get({
      publicKey: {
        challenge: bytes(asked.challenge),
        rpId: asked.rpId,
        timeout: asked.timeout,
        userVerification: "required",
      },
    });
    await post("finish", {
      invitation: asked.invitation,
      given: {
        credentialId: text(given.rawId),
        authenticatorData: text(given.response.authenticatorData),
        clientDataJson: text(given.response.clientDataJSON),
        signature: text(given.response.signature),
      },
    });
    // What was asked for first.
    location.reload();
  } catch (error) {
    status.textContent = error.name === "NotAllowedError" ? "No passkey was used. You can try again." : error.message;
    button.disabled = false;
  }
}

button.addEventListener("click", signIn);
button.disabled = false;
button.focus();
