// Keeps a page of the console as it is now, and takes what is ticked to where it is approved.
import { listen, main } from "/passkey.js";

let fetching = false;
let again = false;

const ticked = () => [...main.querySelectorAll("input[name=ask]:checked")].map((box) => box.value);

// One signature answers so many, as the page says; a tick more is not taken.
function count() {
  const button = document.getElementById("together");
  if (!button) return;
  const chosen = ticked();
  const full = chosen.length >= Number(button.dataset.most);
  main.querySelectorAll("input[name=ask]:not(:checked)").forEach((box) => { box.disabled = full; });
  button.disabled = chosen.length < 2;
  button.textContent = chosen.length > 1 ? `Approve ${chosen.length} selected` : "Approve selected";
}

// The page as it is now, in the place of what was. What somebody has ticked stays ticked, and the focus where it was.
function show(next) {
  const chosen = ticked();
  const focused = document.activeElement;
  const place = focused?.id ? `#${focused.id}` : focused?.value ? `input[value="${CSS.escape(focused.value)}"]` : null;
  main.replaceChildren(...next.childNodes);
  main.dataset.mark = next.dataset.mark;
  main.querySelectorAll("input[name=ask]").forEach((box) => { box.checked = chosen.includes(box.value); });
  count();
  if (place && main.querySelector(place)) main.querySelector(place).focus({ preventScroll: true });
}

async function refresh() {
  if (fetching) { again = true; return; }
  fetching = true;
  try {
    do {
      again = false;
      const answer = await fetch(location.pathname + location.search, { credentials: "same-origin", redirect: "error" });
      // Signed out: the page says what to do. What is not theirs any more is not shown any more.
      if (answer.status === 401 || answer.status === 403) return location.reload();
      const next = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
      if (answer.ok && next) show(next);
    } while (again);
  } catch {
    silent();
  } finally {
    fetching = false;
  }
}

function silent() {
  const status = document.getElementById("status");
  if (status) status.textContent = "The host does not answer. It may have ended.";
}

main.addEventListener("change", count);
main.addEventListener("click", async ({ target }) => {
  if (target.id === "together") location.href = `/batch/${ticked().join(".")}`;
  if (target.dataset.copy === undefined) return;
  await navigator.clipboard.writeText(target.dataset.copy);
  target.textContent = "Copied";
});
count();

// The button is outside what is replaced. Whether it worked or not: what the host says next is the truth.
document.getElementById("sign-out")?.addEventListener("click", async ({ target }) => {
  target.disabled = true;
  try {
    await fetch("/sign-out", {
      method: "POST",
      headers: { "x-claviger-token": target.dataset.token },
      credentials: "same-origin",
      redirect: "error",
    });
    location.assign("/");
  } catch {
    target.disabled = false;
    silent();
  }
});

// What the page shows has a mark; another mark means that something changed.
const compare = (mark) => { if (mark !== main.dataset.mark) refresh(); };
const events = listen((open) => { if (main.dataset.watch === "board") compare(open.join(".")); });
events.addEventListener("books", (event) => { if (main.dataset.watch === "books") compare(event.data); });
// A stream that ends may mean that somebody signed out in another tab.
events.addEventListener("error", () => { silent(); if (events.readyState === EventSource.CLOSED) refresh(); });
