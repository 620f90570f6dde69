// Shows what waits, as it comes and goes.
"use strict";

history.replaceState(null, "", location.pathname);

let known = null;
const events = new EventSource("/events");
events.addEventListener("board", (event) => {
  if (known !== null && known !== event.data) location.reload();
  known = event.data;
});
events.addEventListener("error", () => {
  document.getElementById("status").textContent = "The host does not answer. It may have ended.";
});
