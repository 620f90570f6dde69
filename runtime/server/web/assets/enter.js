// Signs this browser in with the ticket behind "#". The ticket reaches the server in a POST alone: nothing that merely
// follows links can spend it.
"use strict";

const say = (text) => { document.getElementById("status").textContent = text; };

async function enter() {
  const ticket = location.hash.slice(1);
  history.replaceState(null, "", location.pathname + location.search);
  if (!ticket) {
    say("There is no ticket in this link.");
    return;
  }
  const answer = await fetch("/enter", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ticket }),
    credentials: "same-origin",
    redirect: "error",
  });
  if (answer.ok) {
    location.reload();
    return;
  }
  const told = await answer.json().catch(() => ({}));
  say(told.error || "The host did not answer as expected.");
}

enter().catch(() => say("The host does not answer. It may have ended."));
