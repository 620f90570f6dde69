// One question: a choice, the passkey, the answer. The server believes nothing of what happens here; it verifies the
// passkey's signature, and that its user was verified.
import { listen, main, path, post, reason, sign, status } from "/passkey.js";

const clock = document.getElementById("clock");
const code = document.getElementById("code");
const buttons = [...document.querySelectorAll("button")];
const state = () => main.dataset.state;

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

// What went wrong: the question is over, or it can be tried again.
function failed(error) {
  if (error.status === 410) end(error.code);
  if (state() === "open") status.textContent = reason(error);
}

async function approve(choice) {
  busy(true);
  status.textContent = "Use your passkey now.";
  try {
    const asked = await post("begin", code ? { choice, code: code.value } : { choice });
    await post("finish", await sign(asked));
    end("approved");
  } catch (error) {
    failed(error);
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
    failed(error);
    if (state() === "open") busy(false);
  }
}

function tick() {
  if (state() !== "open") return;
  const left = Math.max(0, Math.round(Number(clock.dataset.expires) - Date.now() / 1000));
  clock.textContent = `${left} s`;
  clock.classList.toggle("soon", left <= 15);
}

// The host says when a question ends elsewhere: in another tab, or because nobody waits any more.
function watch() {
  const id = path.split("/").pop();
  listen((open, events) => {
    if (state() !== "open") return events.close();
    if (!open.includes(id)) setTimeout(elsewhere, 250);
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
  watch();
}
