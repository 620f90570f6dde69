// One question: a choice, the passkey, the answer. The server believes nothing of what happens here; it verifies the
// passkey's signature, and that its user was verified.
"use strict";

const { token, path } = document.body.dataset;
const main = document.querySelector("main");
const status = document.getElementById("status");
const clock = document.getElementById("clock");
const code = document.getElementById("code");
const buttons = [...document.querySelectorAll("button")];
const state = () => main.dataset.state;

// A ticket that was not needed, because this browser is signed in, has no business in the address.
history.replaceState(null, "", location.pathname);

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

async function post(action, body) {
  const answer = await fetch(`${path}/${action}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-claviger-token": token },
    body: JSON.stringify(body),
    credentials: "same-origin",
    redirect: "error",
  });
  const told = await answer.json().catch(() => ({}));
  if (answer.ok) return told;
  if (answer.status === 410) end(told.code);
  throw new Error(told.error || "The host did not answer as expected; reload the page.");
}

function busy(is) {
  buttons.forEach((button) => { button.disabled = is; });
}

const said = {
  approved: ["Approved", "The request goes out now. You can close this tab."],
  denied: ["Denied", "Nothing is sent. You can close this tab."],
  withdrawn: ["Too late", "This request ran out of time or was withdrawn, which is a denial. You can close this tab."],
};

// The end of the question, whoever brought it about.
function end(how) {
  const [title, note] = said[how] || said.withdrawn;
  main.dataset.state = how;
  document.querySelector(".answers").replaceChildren(
    Object.assign(document.createElement("h2"), { className: "ending", textContent: title }),
    Object.assign(document.createElement("p"), { textContent: note }),
  );
  const ending = document.querySelector(".answers");
  ending.setAttribute("role", "status");
  ending.tabIndex = -1;
  ending.focus();
  if (clock) clock.textContent = title;
  document.title = `${title} – Claviger`;
}

// What a browser says when a passkey was not used; its names tell no more than this on purpose.
function reason(error) {
  if (error.name === "NotAllowedError") return "The passkey was not used. You can try again, or deny.";
  if (error.name === "SecurityError") return "The browser refuses passkeys on this address.";
  return error.message;
}

async function approve(choice) {
  busy(true);
  status.textContent = "Use your passkey now.";
  try {
    const asked = await post("begin", code ? { choice, code: code.value } : { choice });
    const given = await navigator.credentials.get({
      publicKey: {
        challenge: bytes(asked.challenge),
        rpId: asked.rpId,
        timeout: asked.timeout,
        userVerification: "required",
        allowCredentials: asked.allowCredentials.map((id) => ({ type: "public-key", id: bytes(id) })),
      },
    });
    await post("finish", {
      credentialId: text(given.rawId),
      authenticatorData: text(given.response.authenticatorData),
      clientDataJson: text(given.response.clientDataJSON),
      signature: text(given.response.signature),
    });
    end("approved");
  } catch (error) {
    if (state() === "open") status.textContent = reason(error);
  } finally {
    if (state() === "open") busy(false);
  }
}

async function deny() {
  busy(true);
  try {
    await post("deny", {});
    end("denied");
  } catch (error) {
    if (state() !== "open") return;
    status.textContent = reason(error);
    busy(false);
  }
}

function tick() {
  if (state() !== "open") return;
  const left = Math.max(0, Math.round(Number(clock.dataset.expires) - Date.now() / 1000));
  clock.textContent = `${left} s`;
  clock.classList.toggle("soon", left <= 15);
}

// The host says when a question ends elsewhere: in another tab, or because nobody waits any more.
function listen() {
  const id = path.split("/").pop();
  const events = new EventSource("/events");
  events.addEventListener("board", (event) => {
    if (state() !== "open") return events.close();
    if (!JSON.parse(event.data).open.includes(id)) setTimeout(elsewhere, 250);
  });
}

function elsewhere() {
  // Not while this tab is about to be told the same.
  if (state() === "open") location.reload();
}

if (state() === "open") {
  document.getElementById("once").addEventListener("click", () => approve("once"));
  document.getElementById("lease")?.addEventListener("click", () => approve("lease"));
  document.getElementById("deny").addEventListener("click", deny);
  code?.addEventListener("keydown", (event) => { if (event.key === "Enter") approve("once"); });
  busy(false);
  // Enter approves, after the passkey's own dialogue, where everything that is approved can be seen; otherwise reading
  // begins at the top.
  const fits = document.documentElement.scrollHeight <= window.innerHeight;
  (code ? code : fits ? document.getElementById("once") : document.querySelector("h1")).focus({ preventScroll: true });
  tick();
  setInterval(tick, 1000);
  listen();
}
