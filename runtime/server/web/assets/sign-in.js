// Signs this browser in with a passkey. The server verifies the signature; what it is good for is a session, and no approval.
import { post, sign, status } from "/passkey.js";

const button = document.getElementById("sign-in");

async function signIn() {
  button.disabled = true;
  status.textContent = "Use your passkey now.";
  try {
    const asked = await post("begin", {});
    await post("finish", { invitation: asked.invitation, given: await sign(asked) });
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
