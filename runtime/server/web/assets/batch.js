// Several questions, one gesture. What is signed is made by the server of the members that this page's address names.
import { listen, main, path, post, reason, sign, status } from "/passkey.js";

const clock = document.getElementById("clock");
const button = document.getElementById("all");
const members = path.split("/").pop().split(".");
let signing = false;

function end(told) {
  main.dataset.state = "approved";
  const answers = document.querySelector(".answers");
  const over = told.over ? ` ${told.over} had ended before and are not sent.` : "";
  answers.replaceChildren(
    Object.assign(document.createElement("h2"), { className: "ending", textContent: "Approved" }),
    Object.assign(document.createElement("p"), { textContent: `${told.approved} requests go out now.${over}` }),
    Object.assign(document.createElement("a"), { href: "/", textContent: "Back to the list" }),
  );
  answers.setAttribute("role", "status");
  answers.tabIndex = -1;
  answers.focus();
  clock.textContent = "Approved";
}

async function approve() {
  button.disabled = true;
  signing = true;
  status.textContent = "Use your passkey now.";
  try {
    end(await post("finish", await sign(await post("begin", {}))));
  } catch (error) {
    // What is left has to be seen before it is signed.
    if (error.status === 410 || error.code === "changed") location.reload();
    status.textContent = reason(error);
    button.disabled = false;
  } finally {
    signing = false;
  }
}

function tick() {
  if (main.dataset.state !== "open") return;
  const left = Math.max(0, Math.round(Number(clock.dataset.expires) - Date.now() / 1000));
  clock.textContent = `${left} s`;
  clock.classList.toggle("soon", left <= 15);
}

// One that ended elsewhere is taken off the page; not under the hand of somebody who signs.
function changed(open, events) {
  if (main.dataset.state !== "open") return events.close();
  if (!signing && !members.every((id) => open.includes(id))) location.reload();
}

button.addEventListener("click", approve);
button.disabled = false;
document.querySelector("h1").focus({ preventScroll: true });
tick();
setInterval(tick, 1000);
listen(changed);
