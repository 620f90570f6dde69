// What the pages share: bytes as text, and a post that shows the page's token.

const { token, path } = document.body.dataset;

export const main = document.querySelector("main");
export const status = document.getElementById("status");
export { path };

// A ticket that was not needed, because this browser is signed in, has no business in the address.
history.replaceState(null, "", location.pathname + location.search);

export const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
export const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

// An error has the server's short name for it as its code.
export async function post(action, body) {
  const answer = await fetch(`${path}/${action}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-claviger-token": token },
    body: JSON.stringify(body),
    credentials: "same-origin",
    redirect: "error",
  });
  const told = await answer.json().catch(() => ({}));
  if (answer.ok) return told;
  const error = new Error(told.error || "The host did not answer as expected; reload the page.");
  throw Object.assign(error, { status: answer.status, code: told.code });
}

// The passkey's signature over a challenge, as the server reads it.
export async function sign(asked) {
  const given = await navigator.credentials.get({
    publicKey: {
      challenge: bytes(asked.challenge),
      rpId: asked.rpId,
      timeout: asked.timeout,
      userVerification: "required",
      // A sign-in names none: the browser knows which belong here.
      allowCredentials: (asked.allowCredentials ?? []).map((id) => ({ type: "public-key", id: bytes(id) })),
    },
  });
  return {
    credentialId: text(given.rawId),
    authenticatorData: text(given.response.authenticatorData),
    clientDataJson: text(given.response.clientDataJSON),
    signature: text(given.response.signature),
  };
}

// What a browser says when a passkey was not used; its names tell no more than this on purpose.
export function reason(error) {
  if (error.name === "NotAllowedError") return "The passkey was not used. You can try again, or deny.";
  if (error.name === "SecurityError") return "The browser refuses passkeys on this address.";
  return error.message;
}

// The names of the questions that wait, whenever they change.
export function listen(changed) {
  const events = new EventSource("/events");
  events.addEventListener("board", (event) => changed(JSON.parse(event.data).open, events));
  return events;
}
